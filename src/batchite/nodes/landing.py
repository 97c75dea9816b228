"""Creating files below a working directory, wherever a file's path and planted links point.

Every directory on the way is opened by itself without following links, and the file is always a new
one: neither an absolute path, nor `..`, nor a symbolic link leads out.
"""

from __future__ import annotations

import contextlib
import os

from batchite.nodes import failures
from batchite.nodes.failures import RunError

DEFAULT_MODE = 0o770
_O_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_O_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Landing:
    """Where the files of one run land; to be closed."""

    def __init__(self, working: str) -> None:
        self.working = working
        self._directory = os.open(working, _O_DIRECTORY)

    def close(self) -> None:
        os.close(self._directory)

    def free_bytes(self) -> int:
        status = os.fstatvfs(self._directory)
        return status.f_bavail * status.f_frsize

    def create(self, path: str, mode: int) -> int:
        """A descriptor to write the new file at `path` with. Raises RunError."""
        *parents, name = parts(path)
        try:
            directory = self._enter(parents)
            try:
                return _replace(name, directory, mode)
            finally:
                os.close(directory)
        except OSError as error:
            failure = failures.of_system(error, "ResourceFileCreateFailed", f"creating {path!r}")
            raise RunError(failure) from None

    def make_directory(self, path: str) -> None:
        """Raises RunError."""
        try:
            os.close(self._enter(parts(path)))
        except OSError as error:
            failure = failures.of_system(error, "ResourceDirectoryCreateFailed", f"making {path!r}")
            raise RunError(failure) from None

    def _enter(self, parents: list[str]) -> int:
        directory = os.dup(self._directory)
        for name in parents:
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=directory)
                inner = os.open(name, _O_DIRECTORY, dir_fd=directory)
            finally:
                os.close(directory)
            directory = inner
        return directory


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


def _replace(name: str, directory: int, mode: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
    descriptor = os.open(name, _O_NEW, 0o600, dir_fd=directory)
    os.fchmod(descriptor, mode)
    return descriptor
