"""New databases for tests, of either kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from batchite.store import migrating
from batchite.store.revisions import Name

ON_POSTGRESQL = pytest.mark.parametrize(
    "databases", [pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)
"""For what only a server can do."""


class Databases(Protocol):
    def new(self, schema: Name | None) -> AbstractContextManager[str]:
        """The URL of a new database at the present schema, or of an empty one; it is gone afterwards."""
        ...


class SqliteFiles:
    """Copies of one file of each schema."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)
        self._made: dict[Name, bytes] = {}

    @contextmanager
    def new(self, schema: Name | None) -> Iterator[str]:
        path = self._directory / f"{next(self._numbers)}.db"
        if schema is not None:
            path.write_bytes(self._content(schema))
        yield f"sqlite:///{path}"
        for left in self._directory.glob(f"{path.name}*"):
            left.unlink()

    def _content(self, schema: Name) -> bytes:
        if schema not in self._made:
            path = self._directory / f"{schema}.db"
            migrating.prepare(path, schema)
            self._made[schema] = path.read_bytes()
        return self._made[schema]
