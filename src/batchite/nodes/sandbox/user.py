"""The sandbox of a node behind a wall: for a service that root does not run, by bubblewrap.

Inside is this machine's system, which the node can only read, and its own directories; the agent is outside.
Everybody in the node is the user who runs the service, and `root` is one by name only. The agent's socket to
the node's first process is the node's life, as it is for machines (`members`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil

from batchite.link import machines
from batchite.link.wrapping import Wrapping
from batchite.nodes.sandbox import bubblewrap
from batchite.nodes.sandbox.base import Command, Over, Running, Tier
from batchite.nodes.sandbox.members import Members
from batchite.nodes.sandbox.on_disk import OnDisk, environment
from batchite.nodes.sandbox.slots import NoSlots
from batchite.nodes.sandbox.use import Use, measure

_PAUSE_SECONDS = 0.003
"""between two looks whether the node is gone"""
_SPAWNERS_USER = 0

log = logging.getLogger(__name__)


class UserSandbox(OnDisk):
    """Must be made in the main thread of a running loop: the node ends with the thread that made it."""

    def __init__(self, node: str, wrapping: Wrapping) -> None:
        """`node`: the node's directory. Raises OSError."""
        self.tier = Tier("user", wrapping.why)
        self.root = machines.ROOT
        super().__init__(node)
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{self._node}/{bubblewrap.TOOLS}", 0o755)
        self._make_python(bubblewrap.TOOLS)
        self.environment = environment(machines.TOOLS)
        self._wrapped = bubblewrap.start(self._node, wrapping)
        self._members = Members(self.root, self._wrapped.spawner, NoSlots())
        self._has_told_of_root = False

    def lend(self, file: str) -> str:
        name = os.path.basename(file)
        shutil.copyfile(file, lent := f"{self._node}/{bubblewrap.LENT}/{name}.new")
        os.replace(lent, f"{self._node}/{bubblewrap.LENT}/{name}")
        return f"{bubblewrap.LENT_INSIDE}/{name}"

    def spawn(self, command: Command, over: Over) -> Running:
        if command.user.is_admin and not self._has_told_of_root:
            self._has_told_of_root = True
            log.warning(
                "elevated tasks of this node are root by name only, as nodes of the user tier have none"
            )
        opened = self._disk.open(command.directory, command.user)
        try:
            streams = opened[1:] if command.terminal is None else (command.terminal, command.terminal)
            return self._members.spawn(command, _SPAWNERS_USER, streams, over)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def use(self) -> Use:
        return measure(self._node, (os.getpid(),))  # everything inside descends from this process as well

    async def end(self, grace: float) -> None:
        await self._members.end(grace)
        while not self._is_gone():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        self._members.close()
        super().close()

    def _is_gone(self) -> bool:
        """Whether nothing of the node is left: bubblewrap ends then."""
        try:
            return os.waitpid(self._wrapped.pid, os.WNOHANG) != (0, 0)
        except ChildProcessError:
            return True
