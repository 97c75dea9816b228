"""Control groups of commands, below those that limit their node as a whole.

A group is made when it is needed for the first time and used again for one command after the other, which
costs nothing but two writes. Whatever a command starts is in its group, whatever else it does; so what it
left behind is found, and it is known whether the kernel killed something of it for want of memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Sequence

_MEMBERS = "cgroup.procs"
_OF_MEMORY = ("memory.oom_control", "memory.events")
"""in version 1 and 2; both have a line of how many were killed"""
_KILLED = b"oom_kill "
_LIMIT = "pids.max"
_NUMBER = "pids.current"
_O_FILE = os.O_RDWR | os.O_CLOEXEC


class Slot:
    """The groups of one command at a time, one in each hierarchy."""

    def __init__(self, groups: Sequence[str]) -> None:
        """Raises OSError."""
        for group in groups:
            with contextlib.suppress(FileExistsError):
                os.mkdir(group)
        self.descriptors = [os.open(f"{group}/{_MEMBERS}", _O_FILE) for group in groups]
        """of the lists of members: whoever writes 0 to one becomes a member"""
        self._members = f"{groups[0]}/{_MEMBERS}"
        self._memory = _opened(groups, _OF_MEMORY, os.O_RDONLY)
        self._limit = _opened(groups, (_LIMIT,), os.O_RDWR)
        self._number = _opened(groups, (_NUMBER,), os.O_RDONLY)
        self._killed = self._memory_kills()

    def close(self) -> None:
        for descriptor in (*self.descriptors, self._memory, self._limit, self._number):
            os.close(descriptor)

    @property
    def is_empty(self) -> bool:
        """Those who ended count until they are reaped."""
        return int(_content(self._number)) == 0

    def kill(self, spared: int) -> None:
        """All members but one, which is there to start another; they start none meanwhile."""
        os.pwrite(self._limit, b"0", 0)
        with open(self._members, "rb") as file:  # anew: whoever has it open is told for a second what was
            for pid in map(int, file.read().split()):
                if pid not in (0, spared):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def was_short_of_memory(self) -> bool:
        """Since this was asked before."""
        before, self._killed = self._killed, self._memory_kills()
        return self._killed > before

    def renew(self) -> None:
        """For the next command."""
        os.pwrite(self._limit, b"max", 0)

    def _memory_kills(self) -> int:
        lines = _content(self._memory).splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(_KILLED))


class Slots:
    """Those of a node; `groups` are its own, `spawner` the process that starts its commands."""

    def __init__(self, groups: Sequence[str], spawner: int) -> None:
        self._groups = groups
        self._spawner = spawner
        self._all: list[Slot] = []
        self._free: list[Slot] = []

    def take(self) -> Slot:
        """Raises OSError."""
        if self._free:
            return self._free.pop()
        slot = Slot([f"{group}/{len(self._all)}" for group in self._groups])
        self._all.append(slot)
        return slot

    def clear(self, slot: Slot) -> bool:
        """Kill what is left of its command. Whether nothing is; then the slot may be had again."""
        if slot.is_empty:
            return True
        slot.kill(self._spawner)
        return False

    def give_back(self, slot: Slot, *, was_cleared: bool) -> None:
        if was_cleared:
            slot.renew()
        self._free.append(slot)

    def close(self) -> None:
        for slot in self._all:
            slot.close()


class NoSlot(Slot):
    """Of a node whose commands have no groups: whoever starts them clears up after them."""

    def __init__(self) -> None:
        self.descriptors = []

    def close(self) -> None:
        pass

    def was_short_of_memory(self) -> bool:
        return False


class NoSlots(Slots):
    def __init__(self) -> None:
        super().__init__((), 0)
        self._slot = NoSlot()

    def take(self) -> Slot:
        return self._slot

    def clear(self, slot: Slot) -> bool:
        return True

    def give_back(self, slot: Slot, *, was_cleared: bool) -> None:
        pass


def _opened(groups: Sequence[str], names: Sequence[str], flags: int) -> int:
    """The first that there is. Raises OSError."""
    for group in groups:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                return os.open(f"{group}/{name}", flags | os.O_CLOEXEC)
    raise FileNotFoundError(errno.ENOENT, "no group of the node counts it", names[0])


def _content(descriptor: int) -> bytes:
    parts, at = [], 0
    while part := os.pread(descriptor, 1 << 16, at):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
