"""A house for each test, and an authority for all."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.proxy.house import House, opened

from batchite.tls import authority
from batchite.tls.authority import Authority


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority.own(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def house(tmp_path: Path, signer: Authority) -> AsyncIterator[House]:
    async with opened(tmp_path, signer) as house:
        yield house
