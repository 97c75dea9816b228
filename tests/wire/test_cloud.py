"""What the cloud calls accounts."""

import pytest

from batchite.wire import cloud


@pytest.mark.parametrize(
    ("host", "batch", "blob", "storage"),
    [
        ("films.blob.core.windows.net", None, "films", "films"),
        ("Films-secondary.BLOB.core.windows.net.", None, "films", "films"),
        ("films.queue.core.windows.net", None, None, "films"),
        ("films.z6.web.core.windows.net", None, None, "films"),
        ("render.westeurope.batch.azure.com", "render", None, None),
        ("render.batch.azure.com", None, None, None),
        ("a.render.westeurope.batch.azure.com", None, None, None),
        ("blob.core.windows.net", None, None, None),
        ("core.windows.net", None, None, None),
        ("filmsblob.core.windows.net", None, None, None),
        ("films.blob.core.windows.net.example.org", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_host_names_an_account(host: str, batch: str | None, blob: str | None, storage: str | None) -> None:
    assert cloud.batch_account(host) == batch
    assert cloud.blob_account(host) == blob
    assert cloud.storage_account(host) == storage
