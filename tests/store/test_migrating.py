from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from batchite.store import migrating
from batchite.store.database import create_engine


def definitions(url: str) -> dict[str, str]:
    """What SQLite has on record for every table and index, without line breaks."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    engine.dispose()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def by_revisions(url: str, name: migrating.Name) -> dict[str, str]:
    engine = create_engine(url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, name)
    engine.dispose()
    return definitions(url)


def version(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found: str = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    engine.dispose()
    return found


@pytest.mark.parametrize("name", ["batch", "blobs"])
def test_the_revisions_lead_to_what_a_new_database_is_given(tmp_path: Path, name: migrating.Name) -> None:
    migrated, created = f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/created.db"
    migrating.upgrade(created, name)
    assert by_revisions(migrated, name) == definitions(created)
    assert version(migrated) == version(created) == migrating.head(name)


def test_a_database_of_an_unknown_revision_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/batch.db"
    migrating.upgrade(url, "batch")
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'unheard of'")
        connection.commit()
    engine.dispose()
    with pytest.raises(CommandError, match="unheard of"):
        migrating.upgrade(url, "batch")


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
