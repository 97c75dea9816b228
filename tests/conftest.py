"""What the tests of several rooms are given."""

import gc
import os
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests import postgresql, seeds
from tests.databases import Databases, SqliteFiles, one_cache_of_statements

from batchite.store.database import Database

os.environ.setdefault("BATCHITE_SANDBOX_TIER", "process")
"""Wherever a test asks for no other, so that all see the same nodes on every machine, and as any user."""

settings.register_profile(
    "batchite",
    derandomize=seeds.IS_GIVEN,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    print_blob=True,
)
settings.load_profile("batchite")
"""No example fails for how long it took, or for how many before it were of no use."""

os.umask(0o022)
"""Whatever it was, what tests put somewhere for others can be read there."""

OBJECT_STORES = frozenset({"s3", "azure", "object_store"})
"""Fixtures of stores that run beside the tests."""

LEFT_BY_CLIENTS = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
"""Clients whose service is killed while it answers leave that connection to the garbage collector."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Next to nothing of what is collected is garbage, then or later."""
    gc.disable()
    collected = yield
    gc.enable()
    gc.freeze()
    return collected


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if OBJECT_STORES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)
        if item.get_closest_marker("endurance"):
            item.add_marker(LEFT_BY_CLIENTS)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Not in a fixture: of those, each test that is skipped would have a line of its own."""
    if item.get_closest_marker("servers") and "databases" in getattr(item, "fixturenames", ()):
        postgresql.find_programs()


@pytest.fixture(scope="session", autouse=True)
def _statements() -> Iterator[None]:
    with one_cache_of_statements():
        yield


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def databases(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Databases]:
    """Whoever asks for them is run once with each kind."""
    if request.param == "sqlite":
        yield SqliteFiles(tmp_path_factory.mktemp("databases"))
        return
    worker, base = os.environ.get("PYTEST_XDIST_WORKER"), tmp_path_factory.getbasetemp()
    with postgresql.shared(base.parent if worker else base, worker or "tests") as server:
        yield server


@pytest.fixture
def batch_url(databases: Databases) -> Iterator[str]:
    """A new database of the Batch service."""
    with databases.new("batch") as url:
        yield url


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """A new database without a table."""
    with databases.new(None) as url:
        yield url


@pytest.fixture
async def database(batch_url: str) -> AsyncIterator[Database]:
    database = Database(batch_url)
    yield database
    database.close()
