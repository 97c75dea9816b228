"""Bringing a database to the present schema.

Revisions lie in `store/<name>/migrations`, one file each, named `<number>_<pre|post>_<purpose>.py`
(`pre` works with the release before it still running, `post` needs this one). A database that has
data comes to the present schema by them alone; an empty one is given it at once, which tests hold
equal to what the revisions lead to. Alembic is only imported when there are revisions to run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from batchite.store.database import create_engine

Name = Literal["batch", "blobs"]

_HERE = Path(__file__).parent
_versions = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)


def upgrade(url: str, name: Name) -> None:
    """Bring the database at `url` (of SQLAlchemy's form) to the present schema.

    All in one transaction: it ends at the present schema or where it was. Nobody else may be writing.
    """
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            tables = sa.inspect(connection).get_table_names()
            if not tables:
                _create(connection, name)
            elif _versions.name not in tables or _version(connection) != head(name):
                run_revisions(connection, name)
    finally:
        engine.dispose()


def head(name: Name) -> str:
    """The number of the last revision."""
    return max(path.name.partition("_")[0] for path in _revisions(name).glob("[0-9]*.py"))


def run_revisions(connection: sa.Connection, name: Name, last: str = "head") -> None:
    """Run the revisions that the database has not seen yet, up to this one."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _option(_HERE / "environment"))
    config.set_main_option("version_locations", _option(_revisions(name)))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, last)


def _create(connection: sa.Connection, name: Name) -> None:
    _metadata(name).create_all(connection)
    _versions.create(connection)
    connection.execute(sa.insert(_versions), {"version_num": head(name)})


def _metadata(name: Name) -> sa.MetaData:
    if name == "batch":
        from batchite.store.batch import schema as batch

        return batch.metadata
    from batchite.store.blobs import schema as blobs

    return blobs.metadata


def _version(connection: sa.Connection) -> str | None:
    return connection.execute(sa.select(_versions.c.version_num)).scalar_one_or_none()


def _revisions(name: Name) -> Path:
    return _HERE / name / "migrations"


def _option(path: Path) -> str:
    return str(path).replace("%", "%%")  # the option reader would take % for a reference
