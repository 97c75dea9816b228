from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.blob import (
    BlobSasPermissions,
    ContainerSasPermissions,
    UserDelegationKey,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import KEY, NAME, SECOND_KEY, Server

from batchite.configuration.accounts import StorageAccount
from batchite.machine.clock import SystemClock
from batchite.wire.signing import bearer
from batchite.wire.signing.bearer import TENANT, Identity, Role
from batchite.wire.ticks import Duration

HOUR = timedelta(hours=1)
ALICE = "11111111-1111-1111-1111-111111111111"
READ = BlobSasPermissions(read=True)


def bearer_token(
    role: Role, *, oid: str = ALICE, account: str = NAME, key: str = KEY, seconds: int = 600
) -> str:
    now = SystemClock().wall()
    secret = StorageAccount(account, (key,)).key_bytes[0]
    start = now + Duration.of(seconds=-3600)
    return bearer.issue(
        account, secret, Identity(oid, TENANT, role), start, now + Duration.of(seconds=seconds)
    )


def user(server: Server, token: str) -> BlobServiceClient:
    """The SDK's own token credentials insist on HTTPS."""
    return BlobServiceClient(server.url, base_headers={"Authorization": f"Bearer {token}"}, retry_total=0)


async def key_of(server: Server, role: Role, **options: Any) -> UserDelegationKey:
    async with user(server, bearer_token(role)) as client:
        now = datetime.now(UTC)
        return await client.get_user_delegation_key(now - HOUR, now + HOUR, **options)


def allowing(key: UserDelegationKey, permission: BlobSasPermissions = READ, **options: Any) -> str:
    """A signature for `things/one`."""
    return generate_blob_sas(
        NAME,
        "things",
        "one",
        user_delegation_key=key,
        permission=permission,
        expiry=datetime.now(UTC) + HOUR,
        **options,
    )


async def fetch(url: str, verb: str = "GET", **headers: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.request(verb, url, headers=headers) as answer:
        return answer.status, answer.headers.get("x-ms-error-code", ""), await answer.read()


async def test_roles_decide_what_a_user_may(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    async with user(server, bearer_token("reader")) as reader:
        blob = reader.get_blob_client("things", "one")
        assert await (await blob.download_blob()).readall() == b"data"
        with pytest.raises(HttpResponseError) as refused:
            await blob.upload_blob(b"x", overwrite=True)
        assert refused.value.error_code == "AuthorizationPermissionMismatch"
    async with user(server, bearer_token("contributor")) as contributor:
        await contributor.get_blob_client("things", "one").upload_blob(b"new", overwrite=True)
        with pytest.raises(HttpResponseError):
            await contributor.set_service_properties(cors=[])
        with pytest.raises(HttpResponseError):
            await contributor.get_container_client("things").set_container_access_policy({})
    async with user(server, bearer_token("owner")) as owner:
        await owner.set_service_properties(cors=[])
        await owner.get_container_client("things").set_container_access_policy({})
    async with user(server, bearer_token("delegator")) as delegator:
        with pytest.raises(HttpResponseError):
            await delegator.get_container_client("things").get_container_properties()


@pytest.mark.parametrize(
    "token",
    [
        bearer_token("owner", key="d3Jvbmc="),
        bearer_token("owner", account="other"),
        bearer_token("owner", seconds=-10),
        bearer_token("owner")[:-3],
        "eyJhbGciOiJub25lIn0." + bearer_token("owner").split(".")[1] + ".",
        "a.b.c",
        "",
    ],
)
async def test_a_token_that_is_not_genuine_is_refused(
    container: ContainerClient, server: Server, token: str
) -> None:
    status, code, _ = await fetch(
        f"{server.url}/things?restype=container",
        Authorization=f"Bearer {token}",
        **{"x-ms-version": "2021-08-06"},
    )
    assert (status, code) == (401, "InvalidAuthenticationInfo")


async def test_a_token_signed_by_the_second_key_is_good(container: ContainerClient, server: Server) -> None:
    async with user(server, bearer_token("reader", key=SECOND_KEY)) as reader:
        assert await reader.get_container_client("things").exists()


async def test_a_key_is_for_users_only_and_for_a_week(client: BlobServiceClient, server: Server) -> None:
    now = datetime.now(UTC)
    with pytest.raises(ClientAuthenticationError):
        await client.get_user_delegation_key(now, now + HOUR)
    async with user(server, bearer_token("owner")) as owner:
        for start, expiry in ((now, now + timedelta(days=8)), (now - 2 * HOUR, now - HOUR)):
            with pytest.raises(HttpResponseError) as refused:
                await owner.get_user_delegation_key(start, expiry)
            assert refused.value.error_code == "InvalidXmlNodeValue"


async def test_a_users_signature_opens_what_it_says(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    key = await key_of(server, "contributor")
    later = datetime.now(UTC) + HOUR
    token = allowing(key)
    url = f"{server.url}/things/one?{token}"
    assert (await fetch(url))[2] == b"data"
    assert (await fetch(url, "DELETE"))[1] == "AuthorizationPermissionMismatch"
    assert (await fetch(f"{server.url}/things/two?{token}"))[1] == "AuthenticationFailed"
    listing = generate_container_sas(
        NAME, "things", user_delegation_key=key, permission=ContainerSasPermissions(list=True), expiry=later
    )
    assert (await fetch(f"{server.url}/things?restype=container&comp=list&{listing}"))[0] == 200


async def test_a_signature_allows_no_more_than_its_user(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    permission = BlobSasPermissions(read=True, delete=True)
    expected: dict[Role, tuple[int, int]] = {
        "delegator": (403, 403),
        "reader": (200, 403),
        "owner": (200, 202),
    }
    for role, statuses in expected.items():
        url = f"{server.url}/things/one?{allowing(await key_of(server, role), permission)}"
        assert ((await fetch(url))[0], (await fetch(url, "DELETE"))[0]) == statuses


TAMPERED = {
    "skoid": "22222222-2222-2222-2222-222222222222",
    "sktid": "33333333-3333-3333-3333-333333333333",
    "skt": "2020-01-01T00:00:00Z",
    "ske": "2099-01-01T00:00:00Z",
    "sks": "q",
    "skv": "2020-02-10",
    "sp": "rwd",
    "se": "2098-01-01T00:00:00Z",
    "st": "2020-01-01T00:00:00Z",
    "spr": "https,http",
    "sv": "2020-02-10",
    "sr": "c",
    "scid": "44444444-4444-4444-4444-444444444444",
    "sduoid": ALICE,
    "skdutid": ALICE,
    "srh": "x-own",
    "srq": "own",
    "rscd": "inline",
    "sig": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}


async def test_every_field_of_a_users_signature_is_signed(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    token = allowing(await key_of(server, "owner"))
    fields = dict(parse_qsl(token))
    assert (await fetch(f"{server.url}/things/one?{urlencode(fields)}"))[0] == 200
    for field, value in TAMPERED.items():
        assert fields.get(field) != value
        status, _, body = await fetch(f"{server.url}/things/one?{urlencode({**fields, field: value})}")
        assert (field, status) == (field, 403)
        assert b"data" not in body


async def test_a_signature_can_be_for_one_user(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    token = allowing(await key_of(server, "owner"), user_delegation_oid=ALICE)
    url = f"{server.url}/things/one?{token}"
    assert (await fetch(url))[1] == "AuthenticationFailed"
    stranger = bearer_token("owner", oid="55555555-5555-5555-5555-555555555555")
    version = {"x-ms-version": "2026-06-06"}
    assert (await fetch(url, Authorization=f"Bearer {stranger}", **version))[0] == 403
    assert (await fetch(url, Authorization=f"Bearer {bearer_token('reader')}", **version))[0] == 200


async def test_a_signature_can_be_bound_to_parts_of_the_request(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("one", b"data")
    token = allowing(
        await key_of(server, "owner"),
        request_headers={"x-own": "1", "x-other": "2"},
        request_query_params={"purpose": "test"},
    )
    url = f"{server.url}/things/one?{token}"
    bound = {"x-own": "1", "x-other": "2"}
    assert (await fetch(f"{url}&purpose=test", **bound))[0] == 200
    assert (await fetch(f"{url}&purpose=else", **bound))[0] == 403
    assert (await fetch(f"{url}&purpose=test", **{**bound, "x-own": "3"}))[0] == 403
    assert (await fetch(url))[0] == 403


async def test_a_bound_parameter_cannot_be_given_in_another_spelling(
    container: ContainerClient, server: Server
) -> None:
    for name in ("a", "b"):
        await container.upload_blob(name, b"data")
    token = generate_container_sas(
        NAME,
        "things",
        user_delegation_key=await key_of(server, "owner"),
        permission=ContainerSasPermissions(list=True),
        expiry=datetime.now(UTC) + HOUR,
        request_query_params={"prefix": "a"},
    )
    url = f"{server.url}/things?restype=container&comp=list&{token}"
    status, _, body = await fetch(f"{url}&prefix=a")
    assert (status, body.count(b"<Blob>")) == (200, 1)
    assert (await fetch(f"{url}&PREFIX=a"))[0] == 200
    assert (await fetch(f"{url}&PREFIX=b"))[:2] == (403, "AuthenticationFailed")
    for query in ("PREFIX=b&prefix=a", "prefix=a&PREFIX=b", "prefix=a&prefix=b", "prefix=a&sig=x"):
        status, code, body = await fetch(f"{url}&{query}")
        assert (status, code) == (400, "InvalidQueryParameterValue")
        assert b"it is given more than once" in body
