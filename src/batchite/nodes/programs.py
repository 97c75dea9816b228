"""Finding the program that a command names, by the PATH of its own environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

_NOT_HERE = (FileNotFoundError, NotADirectoryError, PermissionError)


class Programs:
    """Remembers where a program was found last, since the next task often runs the same."""

    def __init__(self) -> None:
        self._last: tuple[str, str, str] | None = None

    def call(self, program: str, environment: Mapping[str, str], start: Callable[[str], T]) -> T:
        """Let `start` try each place where the program may be, as execvp does. Raises OSError.

        A name with a slash is a path, relative to the working directory.
        """
        if "/" in program:
            return start(program)
        path = environment.get("PATH", "")
        if self._last is not None and self._last[:2] == (program, path):
            try:
                return start(self._last[2])
            except _NOT_HERE:
                self._last = None
        return self._search(program, path, start)

    def _search(self, program: str, path: str, start: Callable[[str], T]) -> T:
        refused: PermissionError | None = None
        for place in _places(program, path):
            try:
                started = start(place)
            except PermissionError as error:
                refused = error
            except (FileNotFoundError, NotADirectoryError):
                continue
            else:
                self._last = (program, path, place)
                return started
        raise refused or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def _places(program: str, path: str) -> Iterator[str]:
    """An empty part of PATH is the working directory."""
    for directory in path.split(":"):
        place = f"{directory}/{program}" if directory else f"./{program}"
        if os.path.exists(place):
            yield place
