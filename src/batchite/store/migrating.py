"""Bringing a database to the present schema.

Revisions lie in `store/<name>/migrations`, one file each, named `<number>_<pre|post>_<purpose>.py`
(`pre` works with the release before it still running, `post` needs this one). They are the only way
a schema comes to be: a new database runs them all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config

from batchite.store.database import create_engine

Name = Literal["batch", "blobs"]

_HERE = Path(__file__).parent


def upgrade(url: str, name: Name) -> None:
    """Run the revisions which the database at `url` (of SQLAlchemy's form) has not seen yet.

    All in one transaction: it ends at the present schema or where it was. Nobody else may be writing.
    """
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            config = _config(name)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _config(name: Name) -> Config:
    config = Config()
    config.set_main_option("script_location", _option(_HERE / "environment"))
    config.set_main_option("version_locations", _option(_HERE / name / "migrations"))
    config.set_main_option("path_separator", "newline")
    return config


def _option(path: Path) -> str:
    return str(path).replace("%", "%%")  # the option reader would take % for a reference
