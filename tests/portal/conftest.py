from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.clocks import Machine
from tests.portal.service import Browser, serving

from batchite.machine.clock import SystemClock
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
