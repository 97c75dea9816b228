"""Where a resource file lands in its run's working directory, by the path and mode of its definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from batchite.nodes import failures
from batchite.nodes.directories import RunDirectory
from batchite.nodes.failures import RunError
from batchite.nodes.sandbox import base
from batchite.nodes.sandbox.base import Names, User

DEFAULT_MODE = 0o770

Land: TypeAlias = Callable[[Names, User], base.Landing]
"""As `Sandbox.landing`."""


class Landing:
    """For the files of one run; to be closed. Methods raise RunError."""

    def __init__(self, land: Land, run: RunDirectory, user: User) -> None:
        self.path = run.working
        with _failing("ResourceFileCreateFailed", "entering the working directory"):
            self._place = land(run.names, user)

    def close(self) -> None:
        self._place.close()

    def free_bytes(self) -> int:
        return self._place.free_bytes()

    def create(self, path: str, mode: int) -> int:
        """A descriptor to write the new file at `path` with."""
        names = parts(path)
        with _failing("ResourceFileCreateFailed", f"creating {path!r}"):
            return self._place.create(names, mode)

    def make_directory(self, path: str) -> None:
        names = parts(path)
        with _failing("ResourceDirectoryCreateFailed", f"making {path!r}"):
            self._place.make_directory(names)


def parts(path: str) -> list[str]:
    """The parts of a resource file's path. Raises RunError if it leaves the working directory."""
    found = [part for part in path.split("/") if part not in ("", ".")]
    if not found or path.startswith("/") or ".." in found or "\0" in path:
        raise RunError(
            failures.user(
                "ResourceFileCreateFailed",
                f"The resource file path {path!r} does not stay below the task's working directory. "
                "Give a relative path without '..'.",
                FilePath=path,
            )
        )
    return found


def file_mode(text: str | None) -> int:
    """The permissions of a `fileMode` in octal. Raises RunError."""
    if text is None:
        return DEFAULT_MODE
    try:
        return int(text, 8) & 0o777
    except ValueError:
        message = f"The fileMode {text!r} is no octal number such as 0770."
        raise RunError(failures.user("ResourceFileCreateFailed", message, FileMode=text)) from None


@contextmanager
def _failing(code: str, doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(failures.of_system(error, code, doing)) from None
