"""Bringing a database to the present schema.

A database that has data comes to it by revisions alone; an empty one is given it at once, which tests hold
equal to what the revisions lead to. Alembic is only imported when there are revisions to run.
"""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.util import OrderedSet

from batchite.store import revisions
from batchite.store.database import create_engine
from batchite.store.examining import VERSIONS, UnusableDatabaseError, damaged, judge
from batchite.store.revisions import Name

_TURN = 0x6261746368697465
"""Of PostgreSQL's advisory locks, ours."""
_versions = sa.Table(VERSIONS, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def prepare(path: Path, name: Name) -> str:
    """The URL of the database file at `path`, at the present schema; it is for nobody else to read.

    A file that is there is complete: it gets its name when it is. Raises UnusableDatabaseError.
    """
    try:
        if path.exists():
            upgrade(_url(path), name)
        else:
            _make(path, name)
    except (sa.exc.DBAPIError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error.orig
        raise UnusableDatabaseError(f"{path} cannot be used: {why}.") from None
    return _url(path)


def upgrade(url: str, name: Name) -> None:
    """Bring the database at `url` (of SQLAlchemy's form) to the present schema.

    All in one transaction: it ends at the present schema or where it was. Nobody else may be writing; who
    comes for the same waits. Raises UnusableDatabaseError.
    """
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            _take_turn(connection)
            tables = sa.inspect(connection).get_table_names()
            if not tables:
                _create(connection, name)
            elif judge(engine.url.database, name, tables, _stated(connection, tables)) != revisions.head(
                name
            ):
                run_revisions(connection, name)
            _check_columns(connection, name)
    finally:
        engine.dispose()


def _take_turn(connection: sa.Connection) -> None:
    """Until the transaction ends; SQLite lets one write at a time as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))


def run_revisions(connection: sa.Connection, name: Name, last: str = "head") -> None:
    """Run the revisions that the database has not seen yet, up to the `last`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _option(revisions.HERE / "environment"))
    config.set_main_option("version_locations", _option(revisions.directory(name)))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, last)


def _make(path: Path, name: Name) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # what SQLite makes beside it has the same mode
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        _create(connection, name)
        connection.commit()
        connection.exec_driver_sql("VACUUM INTO ?", (str(part),))
    engine.dispose()
    _sync(part)
    part.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create(connection: sa.Connection, name: Name) -> None:
    """Indexes are made in the order of their names: of two that seem as good SQLite takes the later one, so
    that a set, which has no order, would leave it to chance by which a query goes."""
    metadata = _metadata(name)
    for table in metadata.sorted_tables:
        table.indexes = OrderedSet(sorted(table.indexes, key=lambda index: str(index.name)))
    metadata.create_all(connection)
    _versions.create(connection)
    connection.execute(sa.insert(_versions), {"version_num": revisions.head(name)})


def _check_columns(connection: sa.Connection, name: Name) -> None:
    """What the statements name has to be there, whatever the revision says."""
    tables = sa.inspect(connection).get_multi_columns()
    found = {table: {column["name"] for column in columns} for (_, table), columns in tables.items()}
    for table in _metadata(name).sorted_tables:
        if lacking := set(table.columns.keys()) - found.get(table.name, set()):
            how = f"its table {table.name} lacks {', '.join(sorted(lacking))}"
            raise damaged(connection.engine.url.database, how)


def _metadata(name: Name) -> sa.MetaData:
    if name == "batch":
        from batchite.store.batch import schema as batch

        return batch.metadata
    from batchite.store.blobs import schema as blobs

    return blobs.metadata


def _stated(connection: sa.Connection, tables: list[str]) -> list[str]:
    if _versions.name not in tables:
        return []
    return list(connection.execute(sa.select(_versions.c.version_num)).scalars())


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _option(path: Path) -> str:
    return str(path).replace("%", "%%")  # the option reader would take % for a reference
