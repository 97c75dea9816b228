"""The sandbox that works everywhere: commands are process groups below the agent, and everybody is the user
who started the service.

A user's name is what a command is told, and `root` is one by name only; limits hold nobody. What keeps nodes
apart are sessions, directories and an environment made from nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys

from batchite.nodes.sandbox import inside, short_name
from batchite.nodes.sandbox.base import SYSTEM_PATH, Command, Names, Over, Running, Tier, User
from batchite.nodes.sandbox.disk import ROOT, Disk
from batchite.nodes.sandbox.groups import ProcessGroups, Streams
from batchite.nodes.sandbox.landing import DirectoryLanding
from batchite.nodes.sandbox.python import NodePython
from batchite.nodes.sandbox.tree import Tree
from batchite.nodes.sandbox.use import Use, measure

_PYTHON = "python"

log = logging.getLogger(__name__)


class ProcessSandbox:
    """Must be made in the main thread of a running loop."""

    def __init__(self, node: str, why: str, called: str = "") -> None:
        """`node`: the node's directory, below which everything lies. `called`: a short name for its root, if
        it shall have one. Raises OSError."""
        self.tier = Tier("process", why)
        self._node = os.path.realpath(node)
        self._place = f"{self._node}/{ROOT}"
        with inside.opened(inside.top(self._node)) as top:
            self._disk = Disk(top)
            self.files = Tree(ROOT, dir_fd=top)
            self._python = NodePython(f"{self._node}/{_PYTHON}")
            if not self._python.is_made:
                self._disk.throw_away(_PYTHON, top)
                self._python.make()
        self.root = self._call(called)
        path = (*self._python.programs, os.path.dirname(sys.executable), *SYSTEM_PATH)
        self.environment = {"PATH": ":".join(dict.fromkeys(path)), "PYTHONUSERBASE": self._python.user}
        self._groups = ProcessGroups(self._place_of)

    def lend(self, file: str) -> str:
        return file

    def prepare(self, directory: Names, user: User) -> None:
        self._disk.prepare(directory, user)

    def holds(self, directory: Names) -> bool:
        return self._disk.holds(directory)

    def discard(self, directory: Names) -> None:
        self._disk.discard(directory)

    def landing(self, directory: Names, user: User) -> DirectoryLanding:
        return self._disk.landing(directory, user)

    def spawn(self, command: Command, over: Over) -> Running:
        streams = Streams(*self._disk.open(command.directory, command.user))
        try:
            return self._groups.spawn(command, streams, over)
        finally:
            for descriptor in streams:
                os.close(descriptor)

    def use(self) -> Use:
        return measure(self._node, (os.getpid(),))

    def keep(self) -> bool:
        if self.root != self._place and not short_name.is_given(self.root, self._place):
            with contextlib.suppress(OSError):
                short_name.give(self.root, self._place)
        return os.path.isdir(self._place)

    async def end(self, grace: float) -> None:
        await self._groups.end(grace)

    def close(self) -> None:
        self._groups.close()
        self.files.close()
        self._disk.close()
        short_name.take(self.root, self._place)

    def _call(self, called: str) -> str:
        """The root's name for tasks."""
        try:
            if called:
                short_name.give(called, self._place)
        except OSError as error:
            log.warning("tasks are told the long name of the node's root: %s: %s", called, error)
            return self._place
        return called or self._place

    def _place_of(self, directory: Names) -> str:
        return "/".join((self._place, *directory))
