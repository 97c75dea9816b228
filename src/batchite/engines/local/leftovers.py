"""Processes of nodes whose agents are gone: how to find them all and end them.

A process belongs to a node if it was started with the node's AZ_BATCH_NODE_ROOT_DIR; if it works in
a directory below the node's root or writes its output there, and has no terminal (somebody looking
around there in a shell is not of the node); if it descends from such a process or is in the session
of one. Sessions and processes are remembered from round to round, since killing a parent hides its
children.

A look at all processes of the machine costs the same for one node as for a thousand, so nodes that
wait at the same time are looked after together.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from batchite.link.spec import ROOT_MARK
from batchite.machine import proc

_MARK = os.fsencode(f"{ROOT_MARK}=")
_PAUSES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""between rounds, the longer the more rounds have found nothing new"""
_EMPTY_ROUNDS = 2
"""a process that is just being started shows its marks a moment later"""

SHORTAGES = (OSError, MemoryError, RuntimeError)
"""What is raised where descriptors, memory or (a RuntimeError, says Python) threads are short."""

Owners = dict[int, "Remains"]
"""of processes, by number"""


class Remains:
    """What is known of one node's processes; `root` is its root directory, `called` the name for tasks."""

    def __init__(self, root: str, called: str) -> None:
        self.root = root
        self.called = called
        self.sessions: set[int] = set()
        self.seen: set[tuple[int, int]] = set()
        """number and start of processes"""
        self.empty_rounds = 0

    def note(self, found: Sequence[proc.Process]) -> bool:
        """After a round; returns whether something was found that had not been seen."""
        self.empty_rounds = 0 if found else self.empty_rounds + 1
        known = {(process.pid, process.started) for process in found}
        is_news = not known <= self.seen
        self.seen |= known
        return is_news

    def note_session(self, process: proc.Process) -> None:
        self.sessions |= {process.session} - {os.getsid(0), 0}


class Leftovers:
    """Ends what is left of nodes, of as many as are asked for at a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Remains, asyncio.Future[None]]] = {}
        self._work: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "leftovers")

    async def end(self, root: str, called: str) -> None:
        """Kill what belongs to the node with this root directory, until nothing is left of it. `called` is
        the root's name for tasks.

        However long the kernel takes. Raises one of SHORTAGES if processes cannot be looked at at present.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        _, over = self._waiting.setdefault(root, (Remains(root, called), future))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._kill_all())
        await asyncio.shield(over)

    async def close(self) -> None:
        """Look no longer."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait((self._work,))
        self._thread.shutdown(wait=False)

    async def _kill_all(self) -> None:
        """Processes may start others as fast as they are killed, so the newest go first, each as soon
        as it is found, and there is no pause as long as new ones turn up."""
        loop = asyncio.get_running_loop()
        idle_rounds = 0
        try:
            while self._waiting:
                remains = [one for one, _ in self._waiting.values()]
                news = await loop.run_in_executor(self._thread, kill_once, remains)
                for one in remains:
                    if one.empty_rounds >= _EMPTY_ROUNDS:
                        _settle(self._waiting.pop(one.root)[1], None)
                idle_rounds = 0 if news else idle_rounds + 1
                if idle_rounds:
                    await asyncio.sleep(_PAUSES[min(idle_rounds, len(_PAUSES)) - 1])
        except SHORTAGES as error:
            waiting, self._waiting = self._waiting, {}
            for _, over in waiting.values():
                _settle(over, error)


def _settle(over: asyncio.Future[None], error: Exception | None) -> None:
    if over.done():
        return
    if error is None:
        over.set_result(None)
    else:
        over.set_exception(error)


def kill_once(remains: Sequence[Remains]) -> bool:
    """One round; returns whether it has found anything new."""
    look = _Look(remains)
    found = look.find_marked(_kill)
    for root, processes in look.find().items():
        for process in processes:
            _kill(process)
        found[root] += processes
    news = [one.note(found[one.root]) for one in remains]
    return any(news)


def find(root: str, called: str) -> list[proc.Process]:
    """What runs of a node now."""
    return _Look([Remains(root, called)]).find()[root]


class _Look:
    """At all processes, for those of these nodes."""

    def __init__(self, remains: Sequence[Remains]) -> None:
        self._remains = {one.root: one for one in remains}
        self._called = {name: one for one in remains for name in (one.root, one.called)}
        self._seen = {identity: one for one in remains for identity in one.seen}
        self._ours = {os.getpid(), os.getppid()}

    def find_marked(self, then: Callable[[proc.Process], None]) -> dict[str, list[proc.Process]]:
        """Those that show themselves whose they are; `then` is called as soon as one is found."""
        found = self._nothing()
        for process in self._everyone():
            owner = self._owner(process)
            if owner is not None:
                owner.note_session(process)
                then(process)
                found[owner.root].append(process)
        return found

    def find(self) -> dict[str, list[proc.Process]]:
        """All of them, by the nodes' root directories."""
        everyone = list(self._everyone())
        marked = {process.pid: owner for process in everyone if (owner := self._owner(process))}
        alive = {process.session for process in everyone}
        for one in self._remains.values():
            one.sessions &= alive  # an empty one's number is given anew
        for process in everyone:
            if process.pid in marked:
                marked[process.pid].note_session(process)
        sessions = {number: one for one in self._remains.values() for number in one.sessions}
        owners = spread(everyone, marked, sessions)
        found = self._nothing()
        for process in everyone:
            if process.pid in owners:
                found[owners[process.pid].root].append(process)
        return found

    def _nothing(self) -> dict[str, list[proc.Process]]:
        return {root: [] for root in self._remains}

    def _everyone(self) -> Iterator[proc.Process]:
        return (process for process in proc.all_processes() if process.pid not in self._ours)

    def _owner(self, process: proc.Process) -> Remains | None:
        """Whose process this is, by what can be seen of itself and has been seen of it."""
        if (process.pid, process.started) in self._seen:
            return self._seen[process.pid, process.started]
        for variable in proc.variables(process.pid):
            if variable.startswith(_MARK):
                owner = self._called.get(os.fsdecode(variable[len(_MARK) :]))
                if owner is not None:
                    return owner
        places = () if process.terminal else proc.places(process.pid)
        return next(filter(None, map(self._around, places)), None)

    def _around(self, place: str) -> Remains | None:
        """The node in whose root directory the place is."""
        while place and place not in self._remains:
            place = place.rpartition("/")[0]
        return self._remains.get(place)


def spread(everyone: Sequence[proc.Process], marked: Owners, sessions: Owners) -> Owners:
    """Owners of those that are known by themselves, of those in sessions (by number), and of all that
    descend from either."""
    owners = {process.pid: sessions[process.session] for process in everyone if process.session in sessions}
    owners |= marked
    parents = {process.pid: process.parent for process in everyone}
    strangers: set[int] = set()
    for process in everyone:
        line, pid = [], process.pid
        while pid in parents and pid not in owners and pid not in strangers:
            line.append(pid)
            pid = parents[pid]
        if pid in owners:
            owners.update(dict.fromkeys(line, owners[pid]))
        else:
            strangers.update(line)
    return owners


def _kill(process: proc.Process) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        current = proc.read(process.pid)
        if current is not None and current.started == process.started:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)
