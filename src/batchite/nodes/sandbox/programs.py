"""Finding the program that a command names, by the PATH of its own environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


def call(program: str, environment: Mapping[str, str], start: Callable[[str], T]) -> T:
    """Let `start` try each place where the program may be, as execvp does. Raises OSError.

    A name with a slash is a path, relative to the working directory.
    """
    if "/" in program:
        return start(program)
    refused: PermissionError | None = None
    for place in _places(program, environment.get("PATH", "")):
        try:
            return start(place)
        except PermissionError as error:
            refused = error
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise refused or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def _places(program: str, path: str) -> Iterator[str]:
    """An empty part of PATH is the working directory."""
    for directory in path.split(":"):
        place = f"{directory}/{program}" if directory else f"./{program}"
        if os.path.exists(place):
            yield place
