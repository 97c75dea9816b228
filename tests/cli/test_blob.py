"""`batchite blob check`, as a person runs it."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from batchite.blobs.content.base import Digest
from batchite.blobs.content.files import Files
from batchite.machine import directory_lock
from batchite.store import migrating
from batchite.store.blobs import contents
from batchite.store.database import Database


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchite", "blob", "check", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


async def one_content(data_dir: Path) -> Path:
    """A directory with one content and no blob; the file of it."""
    url = f"sqlite:///{data_dir / 'blobs.db'}"
    await asyncio.to_thread(migrating.upgrade, url, "blobs")
    database, files, digest = Database(url), Files(data_dir / "blobs"), Digest(md5=False)
    number = await database.write(contents.begin)
    draft = await files.create(number, digest)
    await draft.write(b"what was stored")
    await draft.finish()
    await database.write(lambda c: contents.finish(c, number, digest.size, digest.crc64))
    database.close()
    await files.close()
    return files.path(number)


async def test_a_check_says_what_is_damaged(tmp_path: Path) -> None:
    file = await one_content(tmp_path)
    whole = run("--data-dir", str(tmp_path))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout == "1 content, 15 bytes\neverything is as it was written\n"
    file.write_bytes(b"what was altered")
    damaged = run("--data-dir", str(tmp_path))
    assert damaged.returncode == 1
    assert "DAMAGED content 1: it has 16 bytes instead of 15" in damaged.stdout
    assert damaged.stdout.endswith("1 damaged\n")


async def test_leftovers_are_removed_when_asked_and_nobody_serves(tmp_path: Path) -> None:
    kept = await one_content(tmp_path)
    loose = kept.with_name("f01")
    loose.write_bytes(b"nobody's")
    asked = ["--data-dir", str(tmp_path), "--remove-leftovers"]
    assert "without a record: 1 content, of no harm" in run(*asked[:2]).stdout
    with directory_lock.held(tmp_path / "blobs.lock"):
        refused = run(*asked)
    assert refused.returncode == 1
    assert f"process {os.getpid()}, has been stopped" in refused.stderr
    assert loose.exists()
    removed = run(*asked)
    assert removed.returncode == 0
    assert "without a record: 1 content, removed" in removed.stdout
    assert (kept.exists(), loose.exists()) == (True, False)
    assert "without a record" not in run(*asked).stdout


def test_a_directory_without_blobs_is_refused(tmp_path: Path) -> None:
    refused = run("--data-dir", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr == (
        f"batchite: there are no blobs in {tmp_path}; name the directory with --data-dir\n"
    )
    assert list(tmp_path.iterdir()) == []


async def test_an_unusable_database_is_refused(tmp_path: Path) -> None:
    await one_content(tmp_path)
    path = tmp_path / "blobs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("UPDATE alembic_version SET version_num = '9999'")
    refused = run("--data-dir", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"batchite: {path} was written by a newer Batchite")
    assert len(refused.stderr.splitlines()) == 1
