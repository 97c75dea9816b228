"""The first process of a node: it starts the node's commands, and when it ends nothing of the node is left.

It is forked from the forge and never becomes another program. So nothing of Python has to be visible in the
node, its memory and descriptors are closed to the node's root, and it has a single thread: the ids of a
command are its own for the moment in which it starts that, which is cheaper than a fork for each.

Everything it needs is imported before it goes inside, where it may not find it any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
from collections.abc import Sequence

from batchite.machine import passing
from batchite.nodes.sandbox import hosts, people, programs, requests, rusage, terminals
from batchite.nodes.sandbox.leader import runs
from batchite.nodes.sandbox.masks import USERS
from batchite.nodes.sandbox.requests import (
    Ended,
    Failed,
    Names,
    Noted,
    People,
    Request,
    Signal,
    Start,
    Told,
)

GROUP = 1000
"""of all who are not the node's root"""
_MOST_OF_USERS = 1 << 20
"""bytes of the file that tells of users that are looked at"""
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
"""by Python, and in whatever a shell starts in the background; a command must not inherit that"""


class Spawner:
    """Serves one agent; `home` holds descriptors of the lists of members of its own control groups."""

    patience: float | None = None
    """in milliseconds, until it looks again for who ended, although nobody says so"""

    def __init__(self, agent: socket.socket, home: Sequence[int] = ()) -> None:
        self._agent = agent
        self._receiver = passing.Receiver(agent)
        self._home = home
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._known = set(USERS.values())
        self._keys: dict[int, int] = {}
        """of commands that run, by process"""
        self._pids: dict[int, int] = {}
        self._asked: set[int] = set()
        """those of them that were to end while they ran, by key"""

    def serve(self) -> None:
        """Until the agent is gone. Raises OSError."""
        woken, waking = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        _set_signals(waking)
        poll = select.poll()
        poll.register(woken, select.POLLIN)
        poll.register(self._agent, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(self.patience)}
            if woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(woken, 4096)
            if woken in ready or not ready:
                self.reap()
            if self._agent.fileno() in ready:
                messages = self._receiver.receive()
                if messages is None:
                    return
                for content, descriptors in messages:
                    self._take(requests.request(content), descriptors)

    def tell(self, told: Told) -> None:
        passing.send(self._agent, requests.encode(told))

    def _take(self, request: Request, descriptors: list[int]) -> None:
        try:
            if isinstance(request, Signal):
                self.signal(request)
            elif isinstance(request, Names):
                hosts.keep(request.hosts)
            elif isinstance(request, People):
                for text in people.settle(request.people):
                    self.tell(Noted(text))
            else:
                self._start(request, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def signal(self, request: Signal) -> None:
        pid = self._pids.get(request.key)
        if pid is not None:
            if runs(pid):
                self._asked.add(request.key)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, request.number)

    def _start(self, request: Start, descriptors: list[int]) -> None:
        output, errors, *groups = descriptors
        try:
            pid = self._born(request, output, errors, groups)
        except (OSError, ValueError) as error:
            number = error.errno if isinstance(error, OSError) else errno.EINVAL
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self.tell(Failed(request.key, number or errno.EIO, reason or str(error)))
            return
        self.begun(request, pid)

    def begun(self, request: Start, pid: int) -> None:
        """The command's first process has this number."""
        self._keys[pid] = request.key
        self._pids[request.key] = pid

    def _born(self, request: Start, output: int, errors: int, groups: Sequence[int]) -> int:
        """The command is born in its groups, since the spawner itself is in them for that moment; it goes
        back, or the end of the groups would be its own."""
        if request.user and request.user not in self._known:
            self._known.add(request.user)
            _introduce(request.name, request.user)
        try:
            for group in groups:
                os.write(group, b"0")
            _become(request.user)
            try:
                os.chdir(request.directory)
                return self._spawn(request, output, errors)
            finally:
                if request.user:
                    _become_root()
                os.chdir("/")
        finally:
            for group in self._home if groups else ():
                os.write(group, b"0")

    def _spawn(self, request: Start, output: int, errors: int) -> int:
        def start(path: str) -> int:
            return os.posix_spawn(
                path,
                request.words,
                request.environment,
                file_actions=terminals.actions(output)
                if request.has_terminal
                else (
                    (os.POSIX_SPAWN_DUP2, self._null, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, errors, 2),
                ),
                setsid=True,
                setsigmask=(),
                setsigdef=_IGNORED,
            )

        return programs.call(request.words[0], request.environment, start)

    def reap(self) -> None:
        """What ended, whether it is a command or was left behind by one."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, told = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                key = self._keys.pop(pid, None)
                if key is not None:
                    del self._pids[key]
                    was_asked = key in self._asked
                    self._asked.discard(key)
                    self.tell(Ended(key, status, rusage.used(told), was_asked=was_asked))


def _set_signals(waking: int) -> None:
    """The kernel keeps from a first process what it has no handler for. Python's own handler for SIGINT would
    let the node's root end it, and commands would inherit that it ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _introduce(name: str, user: int) -> None:
    """Have the node know a user by name. What its root has made of the file may resist, and that is all."""
    if not (name.isascii() and name.replace("_", "").replace("-", "").isalnum()):
        return
    with contextlib.suppress(OSError):
        descriptor = os.open("/etc/passwd", os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            known = b"\n" + os.read(descriptor, _MOST_OF_USERS)
            if f"\n{name}:".encode() not in known:
                os.write(descriptor, f"{name}:x:{user}:{GROUP}::/mnt/batch:/bin/sh\n".encode())
        finally:
            os.close(descriptor)


def _become(user: int) -> None:
    """The saved id is the way back. A program that is started has it no more."""
    if user:
        os.setgroups((GROUP,))
        os.setresgid(GROUP, GROUP, 0)
        os.setresuid(user, user, 0)


def _become_root() -> None:
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    os.setgroups(())
