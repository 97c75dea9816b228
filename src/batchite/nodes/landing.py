"""Creating files below a working directory, wherever a file's path and planted links point.

Every directory on the way is opened by itself without following links, and the file is always a new
one: neither an absolute path, nor `..`, nor a symbolic link leads out.
"""

from __future__ import annotations

import os

from batchite.nodes import failures, inside
from batchite.nodes.directories import RunDirectory
from batchite.nodes.failures import RunError

DEFAULT_MODE = 0o770


class Landing:
    """Where the files of one run land; to be closed."""

    def __init__(self, run: RunDirectory) -> None:
        self.path = run.working
        self._directory = run.enter("wd")

    def close(self) -> None:
        os.close(self._directory)

    def free_bytes(self) -> int:
        status = os.fstatvfs(self._directory)
        return status.f_bavail * status.f_frsize

    def create(self, path: str, mode: int) -> int:
        """A descriptor to write the new file at `path` with. Raises RunError."""
        *parents, name = parts(path)
        try:
            with inside.opened(inside.enter(self._directory, parents, make=True)) as directory:
                descriptor = inside.create(name, directory, 0o600)
        except OSError as error:
            failure = failures.of_system(error, "ResourceFileCreateFailed", f"creating {path!r}")
            raise RunError(failure) from None
        os.fchmod(descriptor, mode)
        return descriptor

    def make_directory(self, path: str) -> None:
        """Raises RunError."""
        try:
            os.close(inside.enter(self._directory, parts(path), make=True))
        except OSError as error:
            failure = failures.of_system(error, "ResourceDirectoryCreateFailed", f"making {path!r}")
            raise RunError(failure) from None


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
