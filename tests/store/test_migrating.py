import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import Databases

from batchite.store import migrating, revisions
from batchite.store.database import create_engine
from batchite.store.examining import UnusableDatabaseError

PAST = Path(__file__).parents[1] / "product" / "past"


def definitions(url: str) -> dict[str, list[str]]:
    """What the database has on record for every table and index; the order of columns means nothing."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(RECORDS[engine.dialect.name]).all()
    engine.dispose()
    found: dict[str, list[str]] = {}
    for name, sql in rows:
        found.setdefault(name, []).extend(parts(" ".join(sql.split())))
    return {name: sorted(those) for name, those in found.items() if not name.startswith("alembic_version")}


RECORDS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL",
    "postgresql": """
        SELECT table_name, concat_ws(
            ' ', column_name, data_type, collation_name, is_nullable, column_default, is_identity,
            col_description(table_name::regclass, ordinal_position)
        ) FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT relname, obj_description(oid, 'pg_class')
            FROM pg_class WHERE obj_description(oid, 'pg_class') IS NOT NULL
                AND relnamespace = 'public'::regnamespace
    """,
}


def parts(sql: str) -> list[str]:
    """A table's columns and constraints, sorted; an index as it is."""
    head, _, body = sql.rstrip(") ").partition("(")
    if not head.startswith("CREATE TABLE"):
        return [sql]
    return sorted(part.strip(" ,)") for part in re.split(r",(?![^(]*\))", body))


def by_revisions(url: str, name: revisions.Name, last: str = "head") -> dict[str, list[str]]:
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            migrating.run_revisions(connection, name, last)
    finally:
        engine.dispose()
    return definitions(url)


def version(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found: str = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    engine.dispose()
    return found


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.mark.parametrize("name", revisions.NAMES)
def test_the_revisions_are_one_line(name: revisions.Name) -> None:
    """Two that were made side by side would both claim a number, and no older directory could be opened."""
    assert revisions.known(name) == [f"{number:04}" for number in range(1, len(revisions.known(name)) + 1)]


@pytest.mark.parametrize("name", revisions.NAMES)
def test_the_revisions_lead_to_what_a_new_database_is_given(
    databases: Databases, name: revisions.Name
) -> None:
    with databases.new(None) as migrated, databases.new(name) as created:
        assert by_revisions(migrated, name) == definitions(created)
        assert version(migrated) == version(created) == revisions.head(name)


@pytest.mark.parametrize("name", revisions.NAMES)
@pytest.mark.parametrize("past", sorted(path.parent.name for path in PAST.glob("*/batch.sql")))
def test_a_revision_of_the_past_is_what_it_was(tmp_path: Path, name: revisions.Name, past: str) -> None:
    """Once released, a revision is never edited: change the schema by another one."""
    with closing(sqlite3.connect(tmp_path / "kept.db")) as connection:
        connection.executescript((PAST / past / f"{name}.sql").read_text())
    kept, made = f"sqlite:///{tmp_path}/kept.db", f"sqlite:///{tmp_path}/made.db"
    assert by_revisions(made, name, version(kept)) == definitions(kept)


@pytest.mark.parametrize("name", revisions.NAMES)
def test_a_new_file_is_complete_and_for_nobody_else(tmp_path: Path, name: revisions.Name) -> None:
    path = tmp_path / f"{name}.db"
    Path(f"{path}.part").write_bytes(b"half of what a killed process wrote")
    assert version(migrating.prepare(path, name)) == revisions.head(name)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "a newer Batchite"),
        ("DROP TABLE alembic_version", "no batch database of Batchite"),
        ("DELETE FROM alembic_version", "no batch database of Batchite"),
        ("ALTER TABLE pools DROP COLUMN vm_size", "its table pools lacks vm_size"),
        ("DROP TABLE due", "its table due lacks at, kind, shard, subject"),
    ],
)
def test_what_does_not_fit_is_left_alone(batch_url: str, change: str, why: str) -> None:
    execute(batch_url, change)
    before = definitions(batch_url)
    with pytest.raises(UnusableDatabaseError, match=why):
        migrating.upgrade(batch_url, "batch")
    assert definitions(batch_url) == before


def test_a_foreign_database_is_not_added_to(empty_url: str) -> None:
    execute(empty_url, "CREATE TABLE tasks (in_the_way TEXT)")
    before = definitions(empty_url)
    with pytest.raises(UnusableDatabaseError, match="no batch database"):
        migrating.upgrade(empty_url, "batch")
    assert definitions(empty_url) == before


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/100%/batch.db"
    (tmp_path / "100%").mkdir()
    migrating.upgrade(url, "batch")
    before = definitions(url)
    migrating.upgrade(url, "batch")
    assert definitions(url) == before


def test_a_failed_revision_leaves_nothing_behind(empty_url: str) -> None:
    execute(empty_url, "CREATE TABLE tasks (in_the_way TEXT)")
    before = definitions(empty_url)
    with pytest.raises(sa.exc.DBAPIError, match="tasks"):
        by_revisions(empty_url, "batch")
    assert definitions(empty_url) == before
