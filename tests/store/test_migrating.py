from pathlib import Path

import pytest
import sqlalchemy as sa

from batchite.store import migrating
from batchite.store.batch import schema as batch_schema
from batchite.store.database import create_engine


def definitions(url: str) -> dict[str, str]:
    """What SQLite has on record for every table and index, without line breaks."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    engine.dispose()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def from_metadata(url: str, metadata: sa.MetaData) -> dict[str, str]:
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return definitions(url)


def test_the_revisions_lead_to_the_schema(tmp_path: Path) -> None:
    migrated, created = f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/created.db"
    migrating.upgrade(migrated, "batch")
    assert definitions(migrated) == from_metadata(created, batch_schema.metadata)


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/100%/batch.db"
    (tmp_path / "100%").mkdir()
    migrating.upgrade(url, "batch")
    before = definitions(url)
    migrating.upgrade(url, "batch")
    assert definitions(url) == before


def test_a_failed_upgrade_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/batch.db"
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE tasks (in_the_way TEXT)")
        connection.commit()
    engine.dispose()
    before = definitions(url)
    with pytest.raises(sa.exc.OperationalError, match="tasks"):
        migrating.upgrade(url, "batch")
    assert definitions(url) == before
