"""The sandbox that works everywhere: every run is a session of its own below the agent.

The agent is a child subreaper, so that a process whose parent ends becomes the agent's own child,
whatever sessions and groups it has made itself. Therefore nothing that a run starts can get away
from the agent, and "no children left" is the kernel's word that nothing of the node runs.

One handler for SIGCHLD reaps them all. It looks at a dead child before reaping it, so that its
number cannot have been given away when its process group is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import time

from batchite.machine import proc
from batchite.nodes import programs
from batchite.nodes.environment import TASK_MARK
from batchite.nodes.sandbox import Command, Exited, Running
from batchite.nodes.tree import Tree

_PR_SET_CHILD_SUBREAPER = 36
_PYTHONS_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)
"""ignored by Python, which a task must not inherit"""
_PAUSE_SECONDS = 0.02
"""between two looks at what has still to go"""
_SHORT_SECONDS = 1.0
_SHORT_RANGE = 256


class GroupLeader:
    """The first process of a run, and what became of it."""

    __slots__ = ("born", "command", "exit_code", "exited", "pid")

    def __init__(self, pid: int, command: Command, exited: Exited) -> None:
        self.pid = pid
        self.command = command
        self.exited = exited
        self.born = time.monotonic()
        self.exit_code: int | None = None


class ProcessGroupSandbox:
    """Runs commands as process groups; must be made in the main thread of a running loop."""

    def __init__(self, root: str) -> None:
        self.files = Tree(root)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._home = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._running: dict[int, GroupLeader] = {}
        self._settling: list[GroupLeader] = []
        self._owners: dict[int, GroupLeader] = {}
        self._ending = False
        self._childless = asyncio.Event()
        _become_subreaper()
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def spawn(self, command: Command, exited: Exited) -> GroupLeader:
        if self._ending:
            raise ProcessLookupError("the node is ending")
        pid = self._launch(command)
        leader = GroupLeader(pid, command, exited)
        self._running[leader.pid] = leader
        return leader

    def terminate(self, running: Running) -> None:
        self._signal(running, signal.SIGTERM)

    def kill(self, running: Running) -> None:
        self._signal(running, signal.SIGKILL)

    async def end(self, grace: float) -> None:
        self._ending = True
        for leader in list(self._running.values()):
            self.terminate(leader)
        self._reap()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._childless.wait(), grace)
        while not self._childless.is_set():
            with contextlib.suppress(OSError):  # no descriptor to look with, for a moment
                for pid in _children():
                    _kill(pid)
            self._reap()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._childless.wait(), _PAUSE_SECONDS)

    def close(self) -> None:
        """Give back what the sandbox holds of the agent's process; nothing may run any more."""
        self._loop.remove_signal_handler(signal.SIGCHLD)
        os.close(self._null)
        os.close(self._home)
        self.files.close()

    def _launch(self, command: Command) -> int:
        """By posix_spawn, which takes half the time of `subprocess` but knows no working directory, so
        the agent itself goes there for that moment (nothing else in it uses relative paths)."""
        os.fchdir(command.working)
        try:
            return programs.call(
                command.words[0], command.environment, lambda path: self._spawn(path, command)
            )
        finally:
            os.fchdir(self._home)

    def _spawn(self, path: str, command: Command) -> int:
        return os.posix_spawn(
            path,
            command.words,
            command.environment,
            file_actions=(
                (os.POSIX_SPAWN_DUP2, self._null, 0),
                (os.POSIX_SPAWN_DUP2, command.output, 1),
                (os.POSIX_SPAWN_DUP2, command.errors, 2),
            ),
            setsid=True,
            setsigmask=(),
            setsigdef=_PYTHONS_SIGNALS,
        )

    def _signal(self, running: Running, number: signal.Signals) -> None:
        if running.pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, number)

    def _reap(self) -> None:
        """Take note of every child that ended, then look for what they left behind."""
        ended: list[GroupLeader] = []
        try:
            while (child := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                leader = self._running.pop(child.si_pid, None)
                if leader is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(leader.pid, signal.SIGKILL)
                    ended.append(leader)
                _, status = os.waitpid(child.si_pid, 0)
                self._owners.pop(child.si_pid, None)
                if leader is not None:
                    leader.exit_code = _exit_code(status)
        except ChildProcessError:
            self._settle_all(ended)
            return
        self._settling += ended
        if self._settling or self._ending:
            try:
                self._clear(ended)
            except OSError:  # no descriptor to look with: nobody is over before that was done
                self._loop.call_later(_PAUSE_SECONDS, self._reap)

    def _settle_all(self, ended: list[GroupLeader]) -> None:
        """There is no child at all, so nobody left anything behind."""
        settled, self._settling = self._settling + ended, []
        if self._ending:
            self._childless.set()
        self._tell(settled)

    def _clear(self, ended: list[GroupLeader]) -> None:
        """Kill what ended runs left behind; those that left nothing are over."""
        owners = [self._owner(pid) for pid in self._orphans(ended)]
        owned = {owner.pid for owner in owners if owner is not None}
        hidden = not self._running and None in owners
        settled = [leader for leader in self._settling if not hidden and leader.pid not in owned]
        self._settling = [leader for leader in self._settling if hidden or leader.pid in owned]
        self._tell(settled)

    def _tell(self, settled: list[GroupLeader]) -> None:
        for leader in settled:
            self._loop.call_soon(leader.exited, leader.exit_code or 0)

    def _orphans(self, ended: list[GroupLeader]) -> list[int]:
        """The agent's children which no run started directly."""
        children = proc.children(os.getpid())
        if children is None:
            children = self._recent_children(ended)
        if children is None:
            children = _children()
        return [pid for pid in children if pid not in self._running]

    def _recent_children(self, ended: list[GroupLeader]) -> list[int] | None:
        """What runs that were short can have left, told by the numbers given out since they began.

        None if they were not so short, if others are still settling, or if numbers began anew.
        """
        if not ended or len(ended) < len(self._settling):
            return None
        first, last = min(leader.pid for leader in ended), proc.last_pid()
        age = time.monotonic() - min(leader.born for leader in ended)
        if age > _SHORT_SECONDS or not 0 <= last - first <= _SHORT_RANGE:
            return None
        return [pid for pid in range(first + 1, last + 1) if _is_child(pid)]

    def _owner(self, pid: int) -> GroupLeader | None:
        """Whose orphan this is; it is killed if its run is over or nobody can own it."""
        owner = self._owners.get(pid) or self._find_owner(pid)
        if owner is not None:
            self._owners[pid] = owner
        if (owner is None and not self._running) or (owner is not None and owner.exit_code is not None):
            _kill(pid)
        return owner

    def _find_owner(self, pid: int) -> GroupLeader | None:
        candidates = [*self._running.values(), *self._settling]
        process = proc.read(pid)
        if process is None or process.is_dead:
            return None
        marks = {
            os.fsencode(f"{TASK_MARK}={leader.command.environment[TASK_MARK]}"): leader
            for leader in candidates
        }
        for variable in proc.variables(pid):
            if variable in marks:
                return marks[variable]
        place = proc.working_directory(pid)
        for leader in candidates:
            if process.session == leader.pid or proc.is_below(place, leader.command.directory):
                return leader
        return None


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _children() -> list[int]:
    me = os.getpid()
    return [process.pid for process in proc.all_processes() if process.parent == me]


def _is_child(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and not process.is_dead and process.parent == os.getpid()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the agent cannot become a child subreaper")
