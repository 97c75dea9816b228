"""Keeping service processes running: start them together, start those again that die, stop them in order.

One thread that sleeps until something happens, without an event loop: the supervisor has little to do for
as long as the services run, and an event loop would double its memory.
"""

from __future__ import annotations

import logging
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from batchite.configuration.endpoints import Service
from batchite.processes import ending
from batchite.processes.launch import Launch
from batchite.supervisor.child import Child

STOP_SECONDS: dict[Service, float] = {"batch": 60.0, "blob": 15.0}
BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
HEALTHY_SECONDS = 60.0
"""A process that ran this long is started again at once when it dies."""
MAX_EARLY_DEATHS = 5
"""How often a process may be killed before it has been ready once."""
NODES_SECONDS = 30.0
"""How long nodes may take to end that Batch has not ended."""
MAX_REQUESTS = 2
"""Signals after which nobody waits for anything any more."""
INCOMPLETE = 1
"""Exit code if something goes on running."""
FORCED = 130
"""Exit code after a second signal, which ends the processes by force."""

log = logging.getLogger(__name__)


class ChildDiedError(Exception):
    """A service process ended by itself before it was ready, or was killed again and again."""


class _Kept:
    """A process, what it is launched with, and when it has to be started again."""

    def __init__(self, child: Child, launch: Launch, listening: Sequence[socket.socket]) -> None:
        self.child = child
        self._launch = (launch, listening)
        self._deaths = 0
        self.due = math.inf
        self.start()

    def start(self) -> None:
        self.due = math.inf
        self._began = time.monotonic()
        self.child.launch(*self._launch)

    def plan(self, code: int) -> None:
        """After a death: start it again, the later the more often it has died."""
        now = time.monotonic()
        self._deaths = 1 if now - self._began >= HEALTHY_SECONDS else self._deaths + 1
        delay = BACKOFF_SECONDS[min(self._deaths, len(BACKOFF_SECONDS)) - 1]
        self.due = now + delay
        log.error("the %s process %s; it is started again in %.1f s", self.child.service, _how(code), delay)

    def check(self) -> None:
        """Raises ChildDiedError if it ended before it was ready, and another start would end no better."""
        code = self.child.code
        if code is None or self.child.is_ready:
            return
        if code >= 0 or self._deaths >= MAX_EARLY_DEATHS:
            raise ChildDiedError(f"the {self.child.service} process {_how(code)} before it was ready")


def _how(code: int) -> str:
    return f"ended with code {code}" if code >= 0 else f"was killed by signal {-code}"


class Supervision:
    """Of `children`, to be launched with what is given for each; `until_eof` is whether the end of standard
    input is a request to stop."""

    def __init__(
        self,
        children: Sequence[Child],
        launches: Mapping[Service, tuple[Launch, Sequence[socket.socket]]],
        *,
        until_eof: bool = False,
    ) -> None:
        self._children = children
        self._launches = launches
        self._stdin = [sys.stdin.fileno()] if until_eof else []
        self._requests = 0
        """signals that ask to stop"""
        self._at_end = False
        """of standard input, which asks for the same"""
        self._nodes_remain = False

    def run(self, announce: Callable[[], None]) -> int:
        """Until SIGINT, SIGTERM or SIGHUP; returns the exit code.

        `announce` is called when all processes are ready. Raises ChildDiedError.
        """
        with _signals() as self._signals:
            try:
                kept = [_Kept(child, *self._launches[child.service]) for child in self._children]
                if self._get_ready(kept):
                    announce()
                    self._keep(kept)
            finally:
                self._stop()
        if self._forcing:
            return FORCED
        return INCOMPLETE if self._nodes_remain else 0

    @property
    def _stopping(self) -> bool:
        return self._requests > 0 or self._at_end

    @property
    def _forcing(self) -> bool:
        """A second signal says that it takes too long."""
        return self._requests > 1

    def _get_ready(self, all_kept: Sequence[_Kept]) -> bool:
        """Whether nobody asked to stop meanwhile."""
        while not self._stopping and not all(child.is_ready for child in self._children):
            for kept in all_kept:
                kept.check()
            self._tend(all_kept)
        return not self._stopping

    def _keep(self, all_kept: Sequence[_Kept]) -> None:
        while not self._stopping:
            self._tend(all_kept)

    def _tend(self, all_kept: Sequence[_Kept]) -> None:
        """Start again what has died, when it is time; then sleep until something happens."""
        for kept in all_kept:
            if kept.due <= time.monotonic():
                kept.start()
            elif kept.due == math.inf and kept.child.code is not None:
                kept.plan(kept.child.code)
        self._wait(min(kept.due for kept in all_kept))

    def _stop(self) -> None:
        for child in self._children:  # Batch comes first: its nodes still upload while they end
            child.stop()
            deadline = time.monotonic() + STOP_SECONDS[child.service]
            while child.code is None and not self._forcing and time.monotonic() < deadline:
                self._wait(deadline)
            if child.code is None and not self._forcing:
                log.error("the %s process did not stop in time and is ended by force", child.service)
            child.kill()
            if child.service == "batch" and child.code != 0 and self._stopping:
                self._end_nodes()

    def _end_nodes(self) -> None:
        """Batch was down, or has not done it: a second signal has them killed at once, a third given up."""
        launch, _ = self._launches["batch"]
        self._nodes_remain = True
        while self._requests <= MAX_REQUESTS:
            requests, deadline = self._requests, time.monotonic() + NODES_SECONDS
            with ending.start(f"{launch.data_dir}/nodes", at_once=self._forcing) as process:
                while process.poll() is None and self._requests == requests and time.monotonic() < deadline:
                    self._wait(deadline)
                process.kill()
            if self._requests == requests:
                self._nodes_remain = process.returncode != 0
                break
        if self._nodes_remain:
            log.error("compute nodes of %s may go on running", launch.data_dir)

    def _wait(self, until: float = math.inf) -> None:
        """Sleep until a signal, a word of a process, the end of standard input or the time `until`."""
        seconds = None if until == math.inf else max(0.0, until - time.monotonic())
        starting = [child for child in self._children if not child.is_ready and child.code is None]
        channels = [child.channel for child in starting]
        happened, _, _ = select.select([self._signals, *self._stdin, *channels], [], [], seconds)
        if self._signals in happened:
            received = self._signals.recv(64)
            self._requests += len(received) - received.count(signal.SIGCHLD)
        if self._stdin and self._stdin[0] in happened:
            self._read_stdin()
        for child in starting:
            if child.channel in happened:
                child.listen()

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            self._stdin = []
            self._at_end = True


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Gives the numbers of signals, a byte each: those that ask to stop, and deaths of processes."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _noted) for number in numbers}
    try:
        yield ours
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        ours.close()
        theirs.close()


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Python has already written the number where it was told."""
