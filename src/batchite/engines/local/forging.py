"""Asking the forge for nodes that are small machines; it is started when the first one is wanted."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from pathlib import Path

import batchite
from batchite.link import machines
from batchite.link.machines import Plan, Ready
from batchite.machine import passing

_TRIES = 2
"""A forge that is gone is begun anew once."""
ANSWER_SECONDS = 60.0
"""A forge that says nothing for so long is given up."""


class NoMachineError(Exception):
    """The node cannot be made; the text says what this machine did not do."""


class Forge:
    """Its methods block, for some hundredths of a second, and may be called in threads."""

    def __init__(self, hidden: Path) -> None:
        """`hidden`: the service's directory."""
        self._hidden = hidden.resolve()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._pid = 0

    def make(self, plan: Plan) -> tuple[int, socket.socket]:
        """A node: its spawner, and the socket by which it lives as long as that is open. Raises
        NoMachineError."""
        with self._lock:
            for _ in range(_TRIES):
                try:
                    return self._ask(plan)
                except (OSError, ValueError, EOFError) as error:
                    reason = str(error)
                    self._end()
            raise NoMachineError(f"the forge of nodes is gone: {reason}")

    def close(self) -> None:
        """The nodes go on."""
        with self._lock:
            self._end()

    def _ask(self, plan: Plan) -> tuple[int, socket.socket]:
        if self._socket is None:
            self._socket, self._pid = _start(self._hidden)
        passing.send(self._socket, machines.encode(plan))
        receiver = passing.Receiver(self._socket)
        while not (messages := receiver.receive()):
            if messages is None:
                raise EOFError("it ended")
        content, descriptors = messages[0]
        answer = machines.answer(content)
        if isinstance(answer, Ready) and descriptors:
            return answer.spawner, socket.socket(fileno=descriptors[0])
        raise NoMachineError("" if isinstance(answer, Ready) else answer.reason)

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)


def _start(hidden: Path) -> tuple[socket.socket, int]:
    """Our end of its socket, and its number. Raises OSError."""
    ours, theirs = socket.socketpair()
    ours.settimeout(ANSWER_SECONDS)
    places = [str(Path(batchite.__file__).parent.parent), *filter(None, sys.path)]
    inherited = 3
    with theirs:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-S", "-P", "-m", machines.FORGE, str(inherited), str(hidden)],
            {"PYTHONPATH": os.pathsep.join(dict.fromkeys(places))},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), inherited),
            ],
            setsid=True,
            setsigmask=(),
        )
    return ours, pid
