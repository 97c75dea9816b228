"""Every operation on an existing blob heeds conditions and leases."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.sdk import code

Call = Callable[..., Awaitable[Any]]
BLOCK: dict[str, Call] = {
    "put": lambda blob, **how: blob.upload_blob(b"x", overwrite=True, **how),
    "put list": lambda blob, **how: blob.commit_block_list([], **how),
    "get": lambda blob, **how: blob.download_blob(**how),
    "head": lambda blob, **how: blob.get_blob_properties(**how),
    "metadata": lambda blob, **how: blob.set_blob_metadata({}, **how),
    "properties": lambda blob, **how: blob.set_http_headers(**how),
    "snapshot": lambda blob, **how: blob.create_snapshot(**how),
    "delete": lambda blob, **how: blob.delete_blob(**how),
}
APPEND: dict[str, Call] = {
    "create": lambda blob, **how: blob.create_append_blob(**how),
    "append": lambda blob, **how: blob.append_block(b"x", **how),
    "seal": lambda blob, **how: blob.seal_append_blob(**how),
}
PAGE: dict[str, Call] = {
    "create": lambda blob, **how: blob.create_page_blob(512, **how),
    "write": lambda blob, **how: blob.upload_page(b"x" * 512, offset=0, length=512, **how),
    "clear": lambda blob, **how: blob.clear_page(offset=0, length=512, **how),
    "resize": lambda blob, **how: blob.resize_blob(1024, **how),
    "sequence": lambda blob, **how: blob.set_sequence_number("increment", **how),
}
OPERATIONS = [
    (kind, name, call)
    for kind, calls in (("block", BLOCK), ("append", APPEND), ("page", PAGE))
    for name, call in calls.items()
]
NOT_CHANGING = {"get", "head", "snapshot"}


async def made(container: ContainerClient, kind: str) -> BlobClient:
    blob = container.get_blob_client("guarded")
    if kind == "block":
        await blob.upload_blob(b"x")
    elif kind == "append":
        await blob.create_append_blob()
    else:
        await blob.create_page_blob(512)
    return blob


@pytest.mark.parametrize(("kind", "name", "call"), OPERATIONS, ids=lambda value: str(value)[:10])
async def test_conditions_and_leases(container: ContainerClient, kind: str, name: str, call: Call) -> None:
    blob = await made(container, kind)
    before = await blob.get_blob_properties()
    with pytest.raises(HttpResponseError) as refused:
        await call(blob, etag='"0x1"', match_condition=MatchConditions.IfNotModified)
    assert code(refused) == (412, "ConditionNotMet")
    lease = await blob.acquire_lease(lease_duration=60)
    with pytest.raises(HttpResponseError) as refused:
        await call(blob, lease="00000000-0000-0000-0000-000000000000")
    assert code(refused) == (412, "LeaseIdMismatchWithBlobOperation")
    if name not in NOT_CHANGING:
        with pytest.raises(HttpResponseError) as refused:
            await call(blob)
        assert code(refused) == (412, "LeaseIdMissing")
    assert (await blob.get_blob_properties()).etag == before.etag
    await call(blob, lease=lease, etag=before.etag, match_condition=MatchConditions.IfNotModified)


async def test_leasing_heeds_conditions(container: ContainerClient) -> None:
    blob = await made(container, "block")
    with pytest.raises(HttpResponseError) as refused:
        await blob.acquire_lease(etag='"0x1"', match_condition=MatchConditions.IfNotModified)
    assert code(refused) == (412, "ConditionNotMet")
    assert (await blob.get_blob_properties()).lease.state == "available"


async def test_lists_of_pages_and_blocks_heed_leases(container: ContainerClient) -> None:
    blob = await made(container, "block")
    await blob.acquire_lease()
    with pytest.raises(HttpResponseError) as refused:
        await blob.get_block_list(lease="00000000-0000-0000-0000-000000000000")
    assert code(refused) == (412, "LeaseIdMismatchWithBlobOperation")
