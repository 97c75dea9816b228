from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.batch.service import Api, serving
from tests.clocks import Machine

from batchite.machine.clock import SystemClock
from batchite.store import migrating
from batchite.store.database import Database


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
    async with serving(database, clock=SystemClock(machine.time_ns)) as api:
        yield api
