from collections.abc import Iterator

import pytest
from tests.databases import Databases
from tests.service.house import House, open_house

SECRET = "NOT_FOR_TASKS"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[House]:
    """Both services; the process that runs them has a variable that no task may see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "secret of the service")
        with open_house(tmp_path_factory.mktemp("house"), databases) as house:
            yield house


@pytest.fixture(scope="module")
def pool(house: House) -> str:
    """A pool of two idle nodes of four slots each, for tests that do not mind company."""
    return house.ready_pool(2, slots=4)


@pytest.fixture
def job(house: House, pool: str) -> str:
    """A job of this test's own on the shared pool."""
    return house.add_job(pool)
