"""Creating files below a working directory, wherever a file's path and planted links point.

Every directory on the way is opened by itself without following links, and the file is always a new
one: neither `..` nor a symbolic link leads out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import Names, User

Give: TypeAlias = Callable[[int, User], None]
"""Makes what a descriptor stands for a user's own. Raises OSError."""


class DirectoryLanding:
    """As `base.Landing`, from a descriptor that it closes."""

    def __init__(self, directory: int, user: User, give: Give | None) -> None:
        self._directory = directory
        self._user = user
        self._give = give

    def create(self, names: Names, mode: int) -> int:
        *parents, name = names
        with inside.opened(self._enter(parents)) as directory:
            descriptor = inside.create(name, directory, 0o600)
        try:
            self._own(descriptor)
            os.fchmod(descriptor, mode)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def make_directory(self, names: Names) -> None:
        os.close(self._enter(names))

    def free_bytes(self) -> int:
        status = os.fstatvfs(self._directory)
        return status.f_bavail * status.f_frsize

    def close(self) -> None:
        os.close(self._directory)

    def _enter(self, names: Names) -> int:
        return inside.enter(self._directory, names, make=True, made=self._own)

    def _own(self, descriptor: int) -> None:
        if self._give is not None:
            self._give(descriptor, self._user)
