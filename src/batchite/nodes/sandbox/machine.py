"""The sandbox of a node that is a small machine: the agent is outside, everything else inside.

The node has its own processes, mounts, names and users, and sees of this machine's system what it may change
for itself (`overlay`, `masks`). The forge has made it before the agent began; the agent writes its tree from
outside and asks the node's first process, the spawner, to start commands. When the agent ends, however that
happens, the spawner reads the end of their socket and ends, and the kernel kills whatever else is in the
node. The other way round the agent ends at once: a machine that stopped working has nothing more to tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import signal
import socket
import sys
import zlib
from collections.abc import Sequence

from batchite.link import machines
from batchite.link.machines import Machine
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import SYSTEM_PATH, Command, Names, Over, ProcessExit, Running, Tier, User
from batchite.nodes.sandbox.disk import ROOT, Disk
from batchite.nodes.sandbox.landing import DirectoryLanding
from batchite.nodes.sandbox.line import Line
from batchite.nodes.sandbox.masks import USERS
from batchite.nodes.sandbox.python import NodePython
from batchite.nodes.sandbox.requests import Failed, Signal, Start, Told
from batchite.nodes.sandbox.slots import Slot, Slots
from batchite.nodes.sandbox.spawner import GROUP
from batchite.nodes.sandbox.tree import Tree
from batchite.nodes.sandbox.use import Use, measure

_TOOLS = "tools"
_PYTHON = "python"
_SHARED = ("applications", "fsmounts", "shared", "startup", "volatile")
"""directories below the root in which all users may make files"""
_WORKING = "wd"
_PAUSE_SECONDS = 0.003
"""between two looks at what was killed"""
_OTHERS = 2000, 60000
"""The first number of users that no file tells of, and how many there are."""


class _Member:
    """A command that was spawned, in the groups of its slot."""

    __slots__ = ("_line", "_slots", "end", "is_over", "key", "over", "slot", "was_cleared")

    def __init__(self, key: int, slot: Slot, over: Over, line: Line, slots: Slots) -> None:
        self.key = key
        self.slot = slot
        self.over = over
        self.end: ProcessExit | OSError | None = None
        self.is_over = False
        self.was_cleared = False
        self._line = line
        self._slots = slots

    def terminate(self) -> None:
        if not self.is_over:
            self._line.send(Signal(self.key, signal.SIGTERM))

    def kill(self) -> None:
        if not self.is_over:
            self._line.send(Signal(self.key, signal.SIGKILL))  # in case it has not begun yet
            self.was_cleared |= not self._slots.clear(self.slot)


class MachineSandbox:
    """Must be made in a running loop; `spawner` is the socket by which the node lives."""

    def __init__(self, node: str, machine: Machine, spawner: socket.socket) -> None:
        """`node`: the node's directory. Raises OSError."""
        self.tier = Tier("machine", machine.why)
        self.root = machines.ROOT
        self._node = os.path.realpath(node)
        self._machine = machine
        with inside.opened(inside.top(self._node)) as top:
            self._disk = Disk(top, self._give)
            self._share(top)
            self.files = Tree(ROOT, dir_fd=top)
            self.environment = {"PATH": ":".join(SYSTEM_PATH)}
            if machine.has_service_python:
                self._make_python(top)
                python = NodePython(f"{machines.TOOLS}/{_PYTHON}")
                path = (*python.programs, os.path.dirname(sys.executable), *SYSTEM_PATH)
                self.environment = {"PATH": ":".join(dict.fromkeys(path)), "PYTHONUSERBASE": python.user}
        self._slots = Slots(machine.groups, machine.spawner)
        self._keys = itertools.count(1)
        self._members: dict[int, _Member] = {}
        self._loop = asyncio.get_running_loop()
        self._ending = False
        self._idle = asyncio.Event()
        self._gone = asyncio.Event()
        self._line = Line(spawner, self._hear, self._lose)

    def lend(self, file: str) -> str:
        from pathlib import Path  # only here: few nodes are lent anything

        from batchite.machine import private_file

        name = os.path.basename(file)
        theirs = Path(self._node, _TOOLS, name)  # where nobody in the node may write
        theirs.parent.mkdir(mode=0o755, exist_ok=True)
        private_file.replace(theirs, Path(file).read_bytes())
        theirs.chmod(0o644)
        return f"{machines.TOOLS}/{name}"

    def prepare(self, directory: Names, user: User) -> None:
        self._disk.prepare(directory, user)

    def holds(self, directory: Names) -> bool:
        return self._disk.holds(directory)

    def discard(self, directory: Names) -> None:
        self._disk.discard(directory)

    def landing(self, directory: Names, user: User) -> DirectoryLanding:
        return self._disk.landing(directory, user)

    def spawn(self, command: Command, over: Over) -> Running:
        if self._ending:
            raise ProcessLookupError(errno.ESRCH, "the node is ending")
        opened = self._disk.open(command.directory, command.user)
        try:
            member = _Member(next(self._keys), self._slots.take(), over, self._line, self._slots)
            self._members[member.key] = member
            self._ask(member, command, opened[1:])
        finally:
            for descriptor in opened:
                os.close(descriptor)
        return member

    def _ask(self, member: _Member, command: Command, streams: Sequence[int]) -> None:
        place = "/".join((self.root, *command.directory, _WORKING))
        user = command.user
        start = Start(member.key, command.words, command.environment, place, number_of(user), user.name)
        try:
            self._line.send(start, (*streams, *member.slot.descriptors))
        except (OSError, ValueError) as error:
            reason = error if isinstance(error, OSError) else OSError(errno.E2BIG, str(error))
            self._loop.call_soon(self._settle, member, reason)

    def use(self) -> Use:
        return measure(self._node, (os.getpid(), self._machine.spawner))

    def keep(self) -> bool:
        return os.path.isdir(f"{self._node}/{ROOT}")

    async def end(self, grace: float) -> None:
        self._ending = True
        for member in list(self._members.values()):
            member.terminate()
        self._note_idle()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        while not self._idle.is_set():
            for member in list(self._members.values()):
                member.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), _PAUSE_SECONDS)
        self._line.close()

    def close(self) -> None:
        self._slots.close()
        self.files.close()
        self._disk.close()

    # what the spawner says

    def _hear(self, told: Told) -> None:
        member = self._members.get(told.key)
        if member is None or member.end is not None:
            return
        if isinstance(told, Failed):
            self._settle(member, OSError(told.error, told.reason))
        else:
            used = told.user_seconds, told.kernel_seconds, told.peak_bytes
            is_memory = member.slot.was_short_of_memory()
            self._settle(member, ProcessExit.of(told.status, *used, is_memory=is_memory))

    def _settle(self, member: _Member, end: ProcessExit | OSError) -> None:
        """It is over when nothing is left of it."""
        member.end = end
        if not self._slots.clear(member.slot):
            member.was_cleared = True
            self._loop.call_later(_PAUSE_SECONDS, self._settle, member, end)
            return
        member.is_over = True
        self._slots.give_back(member.slot, was_cleared=member.was_cleared)
        del self._members[member.key]
        self._note_idle()
        member.over(end)

    def _note_idle(self) -> None:
        if self._ending and not self._members:
            self._idle.set()

    def _lose(self) -> None:
        """The node is gone, and nobody can say what became of its commands."""
        print("The node's first process is gone, and with it everything else of the node.", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)

    # the tree

    def _give(self, descriptor: int, user: User) -> None:
        number = number_of(user)
        first = self._machine.first_id
        os.fchown(descriptor, first + number, first + (GROUP if number else 0))

    def _share(self, node: int) -> None:
        first = self._machine.first_id
        for name in ("", *_SHARED):
            with inside.opened(inside.enter(node, [ROOT, name] if name else [ROOT])) as directory:
                os.fchown(directory, first, first + GROUP if name else first)
                os.fchmod(directory, 0o2775 if name else 0o755)

    def _make_python(self, node: int) -> None:
        """In a directory that nobody in the node may write to."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(_TOOLS, 0o755, dir_fd=node)
        python = NodePython(f"{self._node}/{_TOOLS}/{_PYTHON}")
        if python.is_made:
            return
        with inside.opened(inside.enter(node, [_TOOLS])) as tools:
            self._disk.throw_away(_PYTHON, tools)
        python.make()
        owner = self._machine.first_id + GROUP
        for place, directories, files in os.walk(python.path):
            for name in (".", *directories, *files):
                os.chown(os.path.join(place, name), owner, owner, follow_symlinks=False)


def number_of(user: User) -> int:
    """Of a user of the node, in the node; always the same for a name."""
    if user.is_admin:
        return 0
    known = USERS.get(user.name)
    first, many = _OTHERS
    return known if known is not None else first + zlib.crc32(user.name.encode()) % many
