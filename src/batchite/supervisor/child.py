"""A service process as its supervisor sees it.

Little is imported here: the supervisor starts its processes before anything else.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchite.configuration.endpoints import Service
    from batchite.processes.launch import Launch

_STDERR = 2


class Child:
    """It imports what it needs at once and serves when it has been launched; both can be done again."""

    def __init__(self, service: Service, arguments: Sequence[str] = ()) -> None:
        """`arguments` are for whoever reads the list of processes."""
        self.service = service
        self.is_ready = False
        """whether it has said so; see `listen`"""
        self._command = [sys.executable, "-m", "batchite.processes", service, *arguments]
        self._begin()

    def _begin(self) -> None:
        self.channel, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                stdin=theirs.fileno(),
                stdout=_STDERR,
                start_new_session=True,  # the terminal's Ctrl-C is for the supervisor alone
            )

    def launch(self, launch: Launch, listening: Sequence[socket.socket]) -> None:
        """Tell the process what to serve; start another one first if it has ended."""
        from batchite.processes.launch import send

        if self.code is not None:
            self.channel.close()
            self._begin()
        self.is_ready = False
        with suppress(OSError):  # it has ended, as `code` will tell
            send(self.channel, launch, *listening)

    def listen(self) -> None:
        """Take in what the process says on `channel`. Blocks if it says nothing."""
        with suppress(OSError):
            self.is_ready = bool(self.channel.recv(64))  # `ready` is all it ever says

    @property
    def code(self) -> int | None:
        """With which the process ended; None as long as it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask the process to end in order."""
        from batchite.processes.launch import STOP

        with suppress(OSError):
            self.channel.sendall(STOP)

    def kill(self) -> None:
        """End the process by force; returns when it has ended."""
        self._process.kill()
        self._process.wait()
        self.channel.close()
