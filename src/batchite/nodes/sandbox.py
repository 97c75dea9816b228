"""The seam between the agent and whatever keeps a node's processes apart from the machine.

Every spawn, every kill and every read of a task's files goes through a `Sandbox`. Nothing else in
the agent knows how processes are held together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from batchite.nodes.tree import Tree


class Command(msgspec.Struct, frozen=True):
    """A program call, with everything it inherits."""

    words: list[str]
    environment: dict[str, str]
    directory: str
    """the run's directory, by which its processes are recognised, as by AZ_BATCH_TASK_DIR"""
    working: int
    """descriptor of the working directory; left open by the sandbox, as the next two"""
    output: int
    """descriptor for stdout"""
    errors: int
    """descriptor for stderr"""


class Running(Protocol):
    """A command that runs."""

    @property
    def pid(self) -> int: ...


Exited = Callable[[int], None]
"""Told the exit code once nothing of the command runs any more. A command ended by signal n has the
exit code 128 + n, as shells report it."""


class Sandbox(Protocol):
    @property
    def files(self) -> Tree:
        """What lies below the node's root."""
        ...

    def spawn(self, command: Command, exited: Exited) -> Running:
        """Start a command. Raises OSError or ValueError; `exited` is never called then.

        When the command's first process ends, whatever it left behind is killed before `exited`
        is told. Azure lets such processes go on; here a completed task is over.
        """
        ...

    def terminate(self, running: Running) -> None:
        """Ask the command to end (SIGTERM)."""
        ...

    def kill(self, running: Running) -> None:
        """Make the command end (SIGKILL)."""
        ...

    async def end(self, grace: float) -> None:
        """End everything that runs: asked first, killed after `grace` seconds; waits until all is gone."""
        ...
