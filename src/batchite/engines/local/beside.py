"""A process of the service's own beside it, which is asked for something and answers, one after the other."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import batchite
from batchite.machine import passing
from batchite.machine.passing import Message

ANSWER_SECONDS = 60.0
"""A process that says nothing for so long is given up."""
_SOCKET = 3
"""the number by which it has its socket"""


class GoneError(Exception):
    """The process did not answer and is ended; it may have done what it was asked."""


class Beside:
    """Begun when it is first asked, and anew when it is gone. Methods block, and may be called in threads."""

    def __init__(self, module: str, *words: str, environment: Mapping[str, str]) -> None:
        """`words` follow the number of its socket; `environment` is all that it has of one, but where its
        modules are."""
        self._words = (module, str(_SOCKET), *words)
        self._environment = environment
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._pid = 0

    def begin(self) -> None:
        """Be ready to be asked, as soon as that takes. Raises OSError."""
        with self._lock:
            self._begun()

    def ask(self, content: bytes, descriptors: Sequence[int] = ()) -> Message:
        """Raises GoneError, and OSError if it cannot be begun."""
        with self._lock:
            connection = self._begun()
            try:
                passing.send(connection, content, descriptors)
                receiver = passing.Receiver(connection)
                while not (messages := receiver.receive()):
                    if messages is None:
                        raise EOFError("it ended")
            except (OSError, ValueError, EOFError) as error:
                self._end()
                raise GoneError(str(error)) from None
            return messages[0]

    def close(self) -> None:
        """What it made goes on."""
        with self._lock:
            self._end()

    def _begun(self) -> socket.socket:
        if self._socket is None:
            self._socket, self._pid = _start(self._words, self._environment)
        return self._socket

    def _end(self) -> None:
        if self._socket is None:
            return
        self._socket.close()
        self._socket = None
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def python_path() -> str:
    """Where a Python that finds nothing out for itself has the service's modules."""
    places = [str(Path(batchite.__file__).parent.parent), *filter(None, sys.path)]
    return os.pathsep.join(dict.fromkeys(places))


def _start(words: Sequence[str], environment: Mapping[str, str]) -> tuple[socket.socket, int]:
    """Our end of its socket, and its number. Raises OSError."""
    ours, theirs = socket.socketpair()
    ours.settimeout(ANSWER_SECONDS)
    with theirs:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-S", "-P", "-m", *words],
            {**environment, "PYTHONPATH": python_path()},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), _SOCKET),
            ],
            setsid=True,
            setsigmask=(),
        )
    return ours, pid
