from collections.abc import AsyncIterator

import pytest
from tests.batch.service import Api, serving
from tests.clocks import Machine

from batchite.machine.clock import SystemClock
from batchite.store.database import Database


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def api(database: Database, machine: Machine) -> AsyncIterator[Api]:
    async with serving(database, clock=SystemClock(machine.time_ns)) as api:
        yield api
