"""The sandbox that works everywhere: commands are process groups below the agent, and everybody is the user
who started the service.

A user's name is what a command is told, and `root` is one by name only; limits hold nobody. What keeps nodes
apart are sessions, directories and an environment made from nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os

from batchite.nodes.sandbox import short_name
from batchite.nodes.sandbox.base import Command, Names, Over, Running, Tier
from batchite.nodes.sandbox.disk import ROOT
from batchite.nodes.sandbox.groups import ProcessGroups, Streams
from batchite.nodes.sandbox.on_disk import OnDisk, environment
from batchite.nodes.sandbox.use import Use, measure

log = logging.getLogger(__name__)


class ProcessSandbox(OnDisk):
    """Must be made in the main thread of a running loop."""

    def __init__(self, node: str, why: str, called: str = "") -> None:
        """`node`: the node's directory, below which everything lies. `called`: a short name for its root, if
        it shall have one. Raises OSError."""
        self.tier = Tier("process", why)
        super().__init__(node)
        self._place = f"{self._node}/{ROOT}"
        self._make_python()
        self.root = self._call(called)
        self.environment = environment(self._node)
        self._groups = ProcessGroups(self._place_of)

    def lend(self, file: str) -> str:
        return file

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
        return super().keep()

    async def end(self, grace: float) -> None:
        await self._groups.end(grace)

    def close(self) -> None:
        self._groups.close()
        super().close()
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
