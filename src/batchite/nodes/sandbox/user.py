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
import sys

from batchite.link import machines
from batchite.link.wrapping import Wrapping
from batchite.nodes.sandbox import bubblewrap, inside
from batchite.nodes.sandbox.base import SYSTEM_PATH, Command, Names, Over, Running, Tier, User
from batchite.nodes.sandbox.disk import ROOT, Disk
from batchite.nodes.sandbox.landing import DirectoryLanding
from batchite.nodes.sandbox.members import Members
from batchite.nodes.sandbox.python import NodePython
from batchite.nodes.sandbox.slots import NoSlots
from batchite.nodes.sandbox.tree import Tree
from batchite.nodes.sandbox.use import Use, measure

_PYTHON = "python"
_PAUSE_SECONDS = 0.003
"""between two looks whether the node is gone"""
_SPAWNERS_USER = 0

log = logging.getLogger(__name__)


class UserSandbox:
    """Must be made in the main thread of a running loop: the node ends with the thread that made it."""

    def __init__(self, node: str, wrapping: Wrapping) -> None:
        """`node`: the node's directory. Raises OSError."""
        self.tier = Tier("user", wrapping.why)
        self.root = machines.ROOT
        self._place = os.path.realpath(node)
        with inside.opened(inside.top(self._place)) as top:
            self._disk = Disk(top)
            self.files = Tree(ROOT, dir_fd=top)
            self._make_python(top)
        python = NodePython(f"{machines.TOOLS}/{_PYTHON}")
        path = (*python.programs, os.path.dirname(sys.executable), *SYSTEM_PATH)
        self.environment = {"PATH": ":".join(dict.fromkeys(path)), "PYTHONUSERBASE": python.user}
        self._wrapped = bubblewrap.start(self._place, wrapping)
        self._members = Members(self.root, self._wrapped.spawner, NoSlots())
        self._has_told_of_root = False

    def lend(self, file: str) -> str:
        name = os.path.basename(file)
        shutil.copyfile(file, lent := f"{self._place}/{bubblewrap.LENT}/{name}.new")
        os.replace(lent, f"{self._place}/{bubblewrap.LENT}/{name}")
        return f"{bubblewrap.LENT_INSIDE}/{name}"

    def prepare(self, directory: Names, user: User) -> None:
        self._disk.prepare(directory, user)

    def holds(self, directory: Names) -> bool:
        return self._disk.holds(directory)

    def discard(self, directory: Names) -> None:
        self._disk.discard(directory)

    def landing(self, directory: Names, user: User) -> DirectoryLanding:
        return self._disk.landing(directory, user)

    def spawn(self, command: Command, over: Over) -> Running:
        if command.user.is_admin and not self._has_told_of_root:
            self._has_told_of_root = True
            log.warning(
                "elevated tasks of this node are root by name only, as nodes of the user tier have none"
            )
        opened = self._disk.open(command.directory, command.user)
        try:
            return self._members.spawn(command, _SPAWNERS_USER, opened[1:], over)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def use(self) -> Use:
        return measure(self._place, (os.getpid(),))  # everything inside descends from this process as well

    def keep(self) -> bool:
        return os.path.isdir(f"{self._place}/{ROOT}")

    async def end(self, grace: float) -> None:
        await self._members.end(grace)
        while not self._is_gone():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        self._members.close()
        self.files.close()
        self._disk.close()

    def _is_gone(self) -> bool:
        """Whether nothing of the node is left: bubblewrap ends then."""
        try:
            return os.waitpid(self._wrapped.pid, os.WNOHANG) != (0, 0)
        except ChildProcessError:
            return True

    def _make_python(self, node: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(bubblewrap.TOOLS, 0o755, dir_fd=node)
        python = NodePython(f"{self._place}/{bubblewrap.TOOLS}/{_PYTHON}")
        if python.is_made:
            return
        with inside.opened(inside.enter(node, [bubblewrap.TOOLS])) as tools:
            self._disk.throw_away(_PYTHON, tools)
        python.make()
