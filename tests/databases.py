"""New databases for tests, of either kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa

from batchite.store import database, migrating
from batchite.store.revisions import Name

ON_POSTGRESQL = pytest.mark.parametrize(
    "databases", [pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)
"""For what only a server can do."""


STATEMENTS = 10_000
"""more than all tests have"""


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


@contextmanager
def one_cache_of_statements() -> Iterator[None]:
    """Databases of SQLite share the statements that they have compiled. Each has a cache of its own else, and
    compiling what a test needs takes longer than running it."""
    create_engine = database.create_engine
    compiled = sa.util.LRUCache(STATEMENTS)
    dialects: list[sa.Dialect] = []

    def create(url: str) -> sa.Engine:
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            dialects.append(engine.dialect)
            engine.dialect, engine._compiled_cache = dialects[0], compiled  # by both a statement is found
            del dialects[1:]
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", create)
        yield
