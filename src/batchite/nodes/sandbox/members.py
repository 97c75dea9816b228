"""The commands that a node's spawner runs, as the agent outside knows them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import signal
import socket
import sys
from collections.abc import Sequence

from batchite.nodes.sandbox.base import Command, Over, ProcessExit, Running
from batchite.nodes.sandbox.line import Line
from batchite.nodes.sandbox.requests import Failed, Names, Noted, People, Person, Signal, Start, Told
from batchite.nodes.sandbox.slots import Slot, Slots
from batchite.wire.batch.directories import WORKING

_PAUSE_SECONDS = 0.003
"""between two looks at what was killed"""


class _Member:
    """A command that was spawned, in the groups of its slot."""

    __slots__ = ("_line", "_slots", "end", "is_over", "key", "over", "slot", "was_cleared", "was_killed")

    def __init__(self, key: int, slot: Slot, over: Over, line: Line, slots: Slots) -> None:
        self.key = key
        self.slot = slot
        self.over = over
        self.end: ProcessExit | OSError | None = None
        self.is_over = False
        self.was_cleared = False
        self.was_killed = False
        self._line = line
        self._slots = slots

    def terminate(self) -> None:
        if not self.is_over:
            self._line.send(Signal(self.key, signal.SIGTERM))

    def kill(self) -> None:
        if not self.is_over:
            self.was_killed = True
            self._line.send(Signal(self.key, signal.SIGKILL))  # in case it has not begun yet
            self.was_cleared |= not self._slots.clear(self.slot)


class Members:
    """Must be made in a running loop; `spawner` is the socket by which the node lives. When that ends, so
    does this process at once: a node that stopped working has nothing more to tell."""

    def __init__(self, root: str, spawner: socket.socket, slots: Slots) -> None:
        """`root`: the node's root directory, as its spawner sees it."""
        self._root = root
        self._slots = slots
        self._keys = itertools.count(1)
        self._all: dict[int, _Member] = {}
        self._loop = asyncio.get_running_loop()
        self._ending = False
        self._idle = asyncio.Event()
        self._line = Line(spawner, self._hear, _lose)

    def spawn(self, command: Command, user: int, streams: Sequence[int], over: Over) -> Running:
        """As `Sandbox.spawn`; `user` has this number in the node. Descriptors of the streams stay the
        caller's."""
        if self._ending:
            raise ProcessLookupError(errno.ESRCH, "the node is ending")
        member = _Member(next(self._keys), self._slots.take(), over, self._line, self._slots)
        self._all[member.key] = member
        place = "/".join((self._root, *command.directory, WORKING))
        has_terminal = command.terminal is not None
        start = Start(
            member.key, command.words, command.environment, place, user, command.user.name, has_terminal
        )
        try:
            self._line.send(start, (*streams, *member.slot.descriptors))
        except (OSError, ValueError) as error:
            reason = error if isinstance(error, OSError) else OSError(errno.E2BIG, str(error))
            self._loop.call_soon(self._settle, member, reason)
        return member

    def know(self, hosts: Sequence[str]) -> None:
        """Commands that are spawned from now on find these lines in the hosts file."""
        with contextlib.suppress(OSError, ValueError):  # then the node is about to end, or does without
            self._line.send(Names(tuple(hosts)))

    async def end(self, grace: float) -> None:
        """All of them, and with them the node."""
        self._ending = True
        for member in list(self._all.values()):
            member.terminate()
        self._note_idle()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        while not self._idle.is_set():
            for member in list(self._all.values()):
                member.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), _PAUSE_SECONDS)
        self._line.close()

    def close(self) -> None:
        self._slots.close()

    def introduce(self, people: Sequence[Person]) -> None:
        """Have the node know these people, and no others."""
        if not self._ending:
            self._line.send(People(tuple(people)))

    def _hear(self, told: Told) -> None:
        if isinstance(told, Noted):
            print(told.text, file=sys.stderr, flush=True)
            return
        member = self._all.get(told.key)
        if member is None or member.end is not None:
            return
        if isinstance(told, Failed):
            self._settle(member, OSError(told.error, told.reason))
        else:
            is_memory = member.slot.was_short_of_memory() or told.is_memory
            was_asked = told.was_asked or member.was_killed
            end = ProcessExit.of(told.status, told.used, is_memory=is_memory, was_asked=was_asked)
            self._settle(member, end)

    def _settle(self, member: _Member, end: ProcessExit | OSError) -> None:
        """It is over when nothing is left of it."""
        member.end = end
        if not self._slots.clear(member.slot):
            member.was_cleared = True
            self._loop.call_later(_PAUSE_SECONDS, self._settle, member, end)
            return
        member.is_over = True
        self._slots.give_back(member.slot, was_cleared=member.was_cleared)
        del self._all[member.key]
        self._note_idle()
        member.over(end)

    def _note_idle(self) -> None:
        if self._ending and not self._all:
            self._idle.set()


def _lose() -> None:
    """The node is gone, and nobody can say what became of its commands."""
    print("The node's first process is gone, and with it everything else of the node.", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)
