from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import object_stores
from tests.object_stores import RunningStore

from batchite.blobs.content.base import Storage
from batchite.blobs.content.opening import open_storage


@pytest.fixture(scope="session")
def s3() -> Iterator[RunningStore]:
    with object_stores.s3() as store:
        yield store


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStore]:
    with object_stores.azure(tmp_path_factory.mktemp("azure")) as store:
        yield store


def url_in(store: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in store.variables.items():
        monkeypatch.setenv(name, value)
    return store.new_url()


@pytest.fixture
def s3_url(s3: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    return url_in(s3, monkeypatch)


@pytest.fixture
def azure_url(azure: RunningStore, monkeypatch: pytest.MonkeyPatch) -> str:
    return url_in(azure, monkeypatch)


@pytest.fixture(params=["s3", "azure"])
def object_url(request: pytest.FixtureRequest) -> str:
    """A place in an object store of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["files", "s3", "azure"])
def storage_url(request: pytest.FixtureRequest) -> str:
    url: str = "" if request.param == "files" else request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def storage(storage_url: str, tmp_path: Path) -> Storage:
    return open_storage(storage_url, tmp_path)
