from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from tests.batch.service import Api, DictionaryFiles, RecordingOwner
from tests.machine import Machine

from batchite.accounts import DEVELOPMENT_ACCOUNTS
from batchite.batch import absent, supported
from batchite.batch.app import BatchApp, fallback
from batchite.clock import SystemClock
from batchite.store import migrating
from batchite.store.database import Database
from batchite.web.guard import Guard
from batchite.web.listener import Listener, bind


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "batch.db"
    migrating.upgrade(f"sqlite:///{path}", "batch")
    return path.read_bytes()


@pytest.fixture
def database(tmp_path: Path, empty_database: bytes) -> Iterator[Database]:
    path = tmp_path / "batch.db"
    path.write_bytes(empty_database)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def api(database: Database, machine: Machine) -> AsyncIterator[Api]:
    owner, files = RecordingOwner(), DictionaryFiles()
    app = BatchApp(database, DEVELOPMENT_ACCOUNTS, SystemClock(machine.time_ns), owner, files)
    listener = Listener(Guard(app, own={absent.PAGE: supported.page}, errors=fallback), bind("127.0.0.1", 0))
    await listener.start()
    async with aiohttp.ClientSession() as session:
        yield Api(f"http://127.0.0.1:{listener.address[1]}", database, owner, files, session)
    await listener.stop()
