"""What earlier releases left goes on in this one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.product.past.directory import (
    BLOBS,
    CODES,
    HERE,
    LARGE,
    batch_client,
    blob,
    course,
    restore,
    results,
    run_tasks,
)

from batchite.store import revisions
from batchite.testing import running_service


@pytest.mark.parametrize(
    "name", sorted(path.name for path in HERE.iterdir() if (path / "batch.sql").exists())
)
def test_a_directory_of_the_past_goes_on(tmp_path: Path, name: str) -> None:
    restore(name, tmp_path)
    with running_service(tmp_path) as service:
        client = batch_client(service)
        assert results(client) == CODES
        assert course(client, "good") == ["added", "started", "ended"], "what is known of it"
        run_tasks(client, {"new": 4})
        assert results(client) == {**CODES, "new": 4}
        assert course(client, "new") == ["added", "assigned", "started", "ended"]
        assert {name: blob(service, name).download_blob().readall() for name in BLOBS} == BLOBS
        large = blob(service, "large")
        assert large.get_blob_properties().metadata == {"Kept": "large"}
        assert large.get_blob_tags() == {"name": "large"}
        committed, _ = blob(service, "blocks").get_block_list("committed")
        assert [block.size for block in committed] == [len(LARGE), len(b"small")]
    for database in revisions.NAMES:
        with closing(sqlite3.connect(tmp_path / f"{database}.db")) as connection:
            stated = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert stated == [(revisions.head(database),)]
