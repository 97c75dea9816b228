from pathlib import Path

import pytest

from batchite.blobs.content.base import Storage
from batchite.blobs.content.opening import open_storage


@pytest.fixture(
    params=["files", *(pytest.param(store, marks=pytest.mark.servers) for store in ("s3", "azure"))]
)
def storage_url(request: pytest.FixtureRequest) -> str:
    url: str = "" if request.param == "files" else request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def storage(storage_url: str, tmp_path: Path) -> Storage:
    return open_storage(storage_url, tmp_path)
