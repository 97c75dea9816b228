from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.blobs.server import Server
from tests.clocks import Machine
from tests.portal import blobs
from tests.portal.service import Browser, serving

from batchite.machine.clock import SystemClock
from batchite.store import migrating
from batchite.store.database import Database


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def stranger(database: Database, tmp_path: Path, machine: Machine) -> AsyncIterator[Browser]:
    """Somebody who has not come in."""
    async with serving(database, tmp_path, clock=SystemClock(machine.time_ns)) as browser:
        yield browser


@pytest.fixture
async def operator(stranger: Browser) -> Browser:
    """Somebody who came by a link."""
    await stranger.enter()
    return stranger


@pytest.fixture(scope="session")
def empty_blobs(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database of the Blob service."""
    path = tmp_path_factory.mktemp("empty") / "blobs.db"
    migrating.upgrade(f"sqlite:///{path}", "blobs")
    return path.read_bytes()


@pytest.fixture
async def server(tmp_path: Path, empty_blobs: bytes) -> AsyncIterator[Server]:
    """A Blob service."""
    async with blobs.served(tmp_path / "blobs", empty_blobs) as server:
        yield server
