from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.dispatch.support import open_database

from batchite.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()
