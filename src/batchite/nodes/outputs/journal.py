"""`fileuploadout.txt` and `fileuploaderr.txt`: what became of a run's output files, for whoever wonders."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from batchite.machine.lines import in_a_line
from batchite.nodes.places import Place
from batchite.nodes.sandbox.base import Sandbox
from batchite.wire.ticks import Clock

OUT: Final = "fileuploadout.txt"
ERRORS: Final = "fileuploaderr.txt"


class Journal:
    """Whatever cannot be written, for want of room for example, is not."""

    def __init__(self, clock: Clock, out: int | None, errors: int | None) -> None:
        self._clock = clock
        self._out = out
        self._errors = errors

    @property
    def owner(self) -> int | None:
        """The number that the user has whose journal it is; None where that cannot be told."""
        return None if self._out is None else os.fstat(self._out).st_uid

    def say(self, text: str) -> None:
        _write(self._out, self._line(text))

    def complain(self, text: str) -> None:
        """The course of things has it, too."""
        line = self._line(text)
        _write(self._out, line)
        _write(self._errors, line)

    def _line(self, text: str) -> bytes:
        return f"{self._clock.now()} {in_a_line(text)}\n".encode(errors="backslashreplace")


@contextlib.contextmanager
def opened(sandbox: Sandbox, place: Place, clock: Clock) -> Iterator[Journal]:
    """Of a run that is over."""
    files = [_open(sandbox, place, name) for name in (OUT, ERRORS)]
    try:
        yield Journal(clock, *files)
    finally:
        for file in files:
            if file is not None:
                os.close(file)


def _open(sandbox: Sandbox, place: Place, name: str) -> int | None:
    with contextlib.suppress(OSError):
        return sandbox.note(place.directory.names, name, place.user)
    return None


def _write(file: int | None, line: bytes) -> None:
    if file is not None:
        with contextlib.suppress(OSError):
            os.write(file, line)
