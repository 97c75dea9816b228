from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient
from tests.blobs.server import KEY, NAME, Server, serving
from tests.blobs.test_delegation import bearer_token, key_of, user
from tests.clocks import Machine

from batchite.machine.clock import SystemClock

HOURS = 3600


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def server(tmp_path: Path, empty_database: bytes, machine: Machine) -> AsyncIterator[Server]:
    (tmp_path / "blobs.db").write_bytes(empty_database)
    async with serving(tmp_path, clock=SystemClock(machine.time_ns)) as server:
        yield server


async def test_a_clock_that_is_set_right_locks_nobody_out(
    client: BlobServiceClient, server: Server, machine: Machine
) -> None:
    machine.ahead_seconds = 2 * HOURS
    with pytest.raises(ClientAuthenticationError):
        await client.create_container("things")
    machine.ahead_seconds = 0
    container = await client.create_container("things")
    first = await container.get_blob_client("one").upload_blob(b"data")
    second = await container.get_blob_client("one").upload_blob(b"more", overwrite=True)
    assert first["etag"] != second["etag"]
    assert first["last_modified"] <= second["last_modified"]

    soon = datetime.now(UTC) + timedelta(minutes=5)
    permission = BlobSasPermissions(read=True)
    names = (NAME, "things", "one")
    for token in (
        generate_blob_sas(*names, account_key=KEY, permission=permission, expiry=soon),
        generate_blob_sas(
            *names, user_delegation_key=await key_of(server, "owner"), permission=permission, expiry=soon
        ),
    ):
        async with BlobClient.from_blob_url(f"{server.url}/things/one?{token}", retry_total=0) as blob:
            assert await (await blob.download_blob()).readall() == b"more"
    async with user(server, bearer_token("reader")) as reader:
        assert await reader.get_container_client("things").exists()


async def test_what_was_good_in_the_future_is_not_good_before(
    client: BlobServiceClient, server: Server, machine: Machine
) -> None:
    """A token that was remembered is looked at again with the time that it is now."""
    await (await client.create_container("things")).upload_blob("one", b"data")
    start = datetime.now(UTC) + timedelta(hours=1)
    token = generate_blob_sas(
        NAME, "things", "one", account_key=KEY, permission="r", start=start, expiry=start + timedelta(hours=9)
    )
    async with BlobClient.from_blob_url(f"{server.url}/things/one?{token}", retry_total=0) as blob:
        machine.ahead_seconds = 2 * HOURS
        assert await (await blob.download_blob()).readall() == b"data"
        machine.ahead_seconds = 0
        with pytest.raises(HttpResponseError) as refused:
            await blob.download_blob()
    assert refused.value.error_code == "AuthenticationFailed"
