from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dispatch.support import database_url

from batchite.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(database_url(tmp_path))
    yield database
    database.close()
