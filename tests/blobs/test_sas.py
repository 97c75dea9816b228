import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccessPolicy,
    AccountSasPermissions,
    BlobBlock,
    BlobSasPermissions,
    ContainerSasPermissions,
    ResourceTypes,
    Services,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.server import KEY, NAME, SECOND_KEY, Server

from batchite.wire.signing.storage_key import sign

HOUR = timedelta(hours=1)


def soon() -> datetime:
    return datetime.now(UTC) + HOUR


def blob_token(permissions: str, **options: Any) -> str:
    options = {"expiry": soon(), "account_key": KEY, **options}
    permission = BlobSasPermissions.from_string(permissions)
    return str(generate_blob_sas(NAME, "things", "one", permission=permission, **options))


def container_token(permissions: str, **options: Any) -> str:
    options = {"expiry": soon(), "account_key": KEY, **options}
    permission = ContainerSasPermissions.from_string(permissions)
    return str(generate_container_sas(NAME, "things", permission=permission, **options))


async def fetch(url: str, verb: str = "GET", **options: Any) -> tuple[int, str, bytes]:
    """Status, error code and body."""
    async with aiohttp.ClientSession() as session, session.request(verb, url, **options) as answer:
        return answer.status, answer.headers.get("x-ms-error-code", ""), await answer.read()


async def test_a_blob_token_allows_what_it_says(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    await container.upload_blob("two", b"data")
    async with BlobClient.from_blob_url(f"{server.url}/things/one?{blob_token('r')}", retry_total=0) as blob:
        assert await (await blob.download_blob()).readall() == b"data"
        for refused_call in (
            lambda: blob.upload_blob(b"x", overwrite=True),
            lambda: blob.delete_blob(),
            lambda: blob.set_blob_metadata({}),
            lambda: blob.stage_block("a", b"x"),
        ):
            with pytest.raises(HttpResponseError) as refused:
                await refused_call()
            assert refused.value.error_code == "AuthorizationPermissionMismatch"
    status, code, _ = await fetch(f"{server.url}/things/two?{blob_token('r')}")
    assert (status, code) == (403, "AuthenticationFailed")


async def test_a_container_token_is_for_all_of_its_blobs(container: ContainerClient, server: Server) -> None:
    token = container_token("rwdl")
    async with ContainerClient.from_container_url(f"{server.url}/things?{token}", retry_total=0) as bearer:
        await bearer.upload_blob("a/b c", b"data")
        assert [blob.name async for blob in bearer.list_blobs()] == ["a/b c"]
        assert await (await bearer.download_blob("a/b c")).readall() == b"data"
        await bearer.delete_blob("a/b c")
        with pytest.raises(HttpResponseError):
            await bearer.delete_container()
        with pytest.raises(HttpResponseError):
            await bearer.get_container_properties()
    status, _, _ = await fetch(f"{server.url}/others?restype=container&comp=list&{token}")
    assert status == 403


async def test_a_snapshots_token_is_for_that_snapshot(container: ContainerClient, server: Server) -> None:
    blob = await container.upload_blob("one", b"old")
    taken = str((await blob.create_snapshot())["snapshot"])
    await blob.upload_blob(b"new", overwrite=True)
    later = str((await blob.create_snapshot())["snapshot"])
    url = f"{server.url}/things/one?{blob_token('r', snapshot=taken)}"
    assert await fetch(f"{url}&snapshot={taken}") == (200, "", b"old")
    assert (await fetch(f"{url}&snapshot={later}"))[0] == 403
    assert (await fetch(url))[0] == 403


async def test_a_versions_token_is_for_that_version(
    client: BlobServiceClient, container: ContainerClient, server: Server
) -> None:
    switch = "<IsVersioningEnabled>true</IsVersioningEnabled>"
    document = f"<StorageServiceProperties>{switch}</StorageServiceProperties>"
    whole = AccountSasPermissions.from_string("w")
    token = generate_account_sas(NAME, KEY, ResourceTypes(service=True), whole, soon())
    changed = await fetch(f"{server.url}?restype=service&comp=properties&{token}", "PUT", data=document)
    assert changed[0] == 202
    first = await container.get_blob_client("one").upload_blob(b"old")
    await container.get_blob_client("one").upload_blob(b"new", overwrite=True)
    old = first["version_id"]
    url = f"{server.url}/things/one?{blob_token('r', version_id=old)}"
    assert await fetch(f"{url}&versionid={old}") == (200, "", b"old")
    assert (await fetch(url))[0] == 403


async def test_there_are_no_directories(container: ContainerClient, server: Server) -> None:
    token = generate_blob_sas(
        NAME, "things", "one", account_key=KEY, permission="r", expiry=soon(), is_directory=True
    )
    status, code, body = await fetch(f"{server.url}/things/one?{token}")
    assert (status, code) == (403, "AuthenticationFailed")
    assert b"sr=d is not supported" in body


async def test_create_does_not_mean_overwrite(container: ContainerClient, server: Server) -> None:
    url = f"{server.url}/things/one?{blob_token('c')}"
    headers = {"x-ms-blob-type": "BlockBlob"}
    assert (await fetch(url, "PUT", data=b"first", headers=headers))[0] == 201
    assert (await fetch(url, "PUT", data=b"second", headers=headers))[1] == "AuthorizationPermissionMismatch"
    assert await (await container.download_blob("one")).readall() == b"first"


TAMPERED = {
    "sp": "rwd",
    "se": "2099-01-01T00:00:00Z",
    "st": "2000-01-01T00:00:00Z",
    "sip": "127.0.0.1-127.0.0.9",
    "spr": "http,https",
    "sv": "2019-12-12",
    "sr": "c",
    "si": "policy",
    "rscc": "no-store",
    "rscd": "inline",
    "rsce": "br",
    "rscl": "fr",
    "rsct": "text/html",
    "ses": "scope",
    "sig": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}


@pytest.mark.parametrize("field", TAMPERED)
@pytest.mark.parametrize("how", ["changed", "left out"])
async def test_every_field_is_signed(
    container: ContainerClient, server: Server, field: str, how: str
) -> None:
    await container.upload_blob("one", b"data")
    token = blob_token(
        "r",
        start=datetime.now(UTC) - HOUR,
        ip="127.0.0.0-127.0.0.255",
        protocol="https,http",
        cache_control="no-cache",
        content_disposition="attachment",
        content_encoding="identity",
        content_language="de",
        content_type="text/plain",
    )
    fields = dict(parse_qsl(token))
    assert (await fetch(f"{server.url}/things/one?{urlencode(fields)}"))[0] == 200
    if how == "changed":
        fields[field] = TAMPERED[field]
    elif fields.pop(field, None) is None:
        fields["sp"] = "rw"
    status, _, body = await fetch(f"{server.url}/things/one?{urlencode(fields)}")
    assert status in (401, 403)
    assert b"data" not in body


async def test_times_are_kept(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    for token in (
        blob_token("r", expiry=datetime.now(UTC) - timedelta(seconds=2)),
        blob_token("r", start=datetime.now(UTC) + HOUR, expiry=datetime.now(UTC) + 2 * HOUR),
    ):
        status, code, body = await fetch(f"{server.url}/things/one?{token}")
        assert (status, code) == (403, "AuthenticationFailed")
        assert b"Signature not valid in the specified time frame" in body


async def test_protocol_and_address_are_kept(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    url = f"{server.url}/things/one"
    assert (await fetch(f"{url}?{blob_token('r', protocol='https')}"))[1] == "AuthorizationProtocolMismatch"
    assert (await fetch(f"{url}?{blob_token('r', ip='127.0.0.1')}"))[0] == 200
    elsewhere = f"{url}?{blob_token('r', ip='10.1.2.3')}"
    forged = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https"}
    assert (await fetch(elsewhere, headers=forged))[1] == "AuthorizationSourceIPMismatch"
    assert (await fetch(f"{url}?{blob_token('r', protocol='https')}", headers=forged))[0] == 403


async def test_the_answer_shows_what_the_token_overrides(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    token = blob_token("r", content_type="text/x-own", content_disposition="attachment")
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/things/one?{token}") as answer:
        assert answer.headers["Content-Type"] == "text/x-own"
        assert answer.headers["Content-Disposition"] == "attachment"


async def test_either_key_signs_tokens(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    assert (await fetch(f"{server.url}/things/one?{blob_token('r', account_key=SECOND_KEY)}"))[0] == 200
    assert (await fetch(f"{server.url}/things/one?{blob_token('r', account_key='d3Jvbmc=')}"))[0] == 403


async def test_a_stored_policy_that_does_not_exist_is_no_permission(
    container: ContainerClient, server: Server
) -> None:
    token = str(generate_container_sas(NAME, "things", account_key=KEY, policy_id="nobody"))
    status, code, body = await fetch(f"{server.url}/things?restype=container&comp=list&{token}")
    assert (status, code) == (403, "AuthenticationFailed")
    assert b"No access policy" in body


async def test_an_account_token_is_for_its_resource_types(container: ContainerClient, server: Server) -> None:
    def token(types: ResourceTypes, permissions: str, service: Services | None = None) -> str:
        permission = AccountSasPermissions.from_string(permissions)
        services = service or Services(blob=True)
        return str(generate_account_sas(NAME, KEY, types, permission, soon(), services=services))

    everything = ResourceTypes(service=True, container=True, object=True)
    async with BlobServiceClient(server.url, credential=token(everything, "rwdlc"), retry_total=0) as client:
        await client.create_container("by-token")
        await client.get_blob_client("by-token", "b").upload_blob(b"x")
        assert [item.name async for item in client.list_containers()] == ["by-token", "things"]
    listing = f"{server.url}/things?restype=container&comp=list&"
    objects = token(ResourceTypes(object=True), "rl")
    assert (await fetch(listing + objects))[1] == "AuthorizationResourceTypeMismatch"
    reading = token(everything, "r")
    assert (await fetch(listing + reading))[1] == "AuthorizationPermissionMismatch"
    queues = token(everything, "rl", Services(queue=True))
    assert (await fetch(listing + queues))[1] == "AuthorizationServiceMismatch"


TAMPERED_ACCOUNT = {
    "sp": "rwdl",
    "se": "2099-01-01T00:00:00Z",
    "st": "2000-01-01T00:00:00Z",
    "sip": "127.0.0.1-127.0.0.9",
    "spr": "http,https",
    "sv": "2019-12-12",
    "ss": "bfqt",
    "srt": "sc",
    "ses": "scope",
    "sig": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
}


@pytest.mark.parametrize("field", TAMPERED_ACCOUNT)
async def test_every_field_of_an_account_token_is_signed(
    container: ContainerClient, server: Server, field: str
) -> None:
    token = generate_account_sas(
        NAME,
        KEY,
        ResourceTypes(container=True),
        AccountSasPermissions(list=True),
        soon(),
        start=datetime.now(UTC) - HOUR,
        ip="127.0.0.0-127.0.0.255",
        protocol="https,http",
        services=Services(blob=True),
    )
    fields = dict(parse_qsl(token))
    url = f"{server.url}/things?restype=container&comp=list"
    assert (await fetch(f"{url}&{urlencode(fields)}"))[0] == 200
    changed = {**fields, field: TAMPERED_ACCOUNT[field]}
    assert (await fetch(f"{url}&{urlencode(changed)}"))[:2] == (403, "AuthenticationFailed")
    if field in fields:
        without = {name: value for name, value in fields.items() if name != field}
        assert (await fetch(f"{url}&{urlencode(without)}"))[0] in (401, 403)


def scoped(kind: str, scope: str) -> str:
    if kind == "container":
        return container_token("rwc", encryption_scope=scope)
    everything, permission = ResourceTypes(object=True), AccountSasPermissions.from_string("rwc")
    return str(generate_account_sas(NAME, KEY, everything, permission, soon(), encryption_scope=scope))


@pytest.mark.parametrize("kind", ["account", "container"])
async def test_what_is_written_with_a_token_belongs_to_its_encryption_scope(
    container: ContainerClient, server: Server, kind: str
) -> None:
    token = scoped(kind, "sc-one")
    async with BlobClient.from_blob_url(f"{server.url}/things/one?{token}", retry_total=0) as blob:
        for encryption_scope in (None, "sc-one"):
            written = await blob.upload_blob(b"data", overwrite=True, encryption_scope=encryption_scope)
            assert written["encryption_scope"] == "sc-one"
        await blob.stage_block("a", b"block")
        await blob.commit_block_list([BlobBlock("a")])
        assert (await blob.get_blob_properties()).encryption_scope == "sc-one"
        for change in (
            lambda: blob.upload_blob(b"x", overwrite=True, encryption_scope="sc-two"),
            lambda: blob.set_blob_metadata({"a": "1"}, encryption_scope="sc-two"),
            lambda: blob.stage_block("b", b"x", encryption_scope="sc-two"),
        ):
            with pytest.raises(HttpResponseError) as refused:
                await change()
            assert (refused.value.status_code, refused.value.error_code) == (403, "AuthorizationFailure")
        assert await (await blob.download_blob()).readall() == b"block"
        assert (await blob.get_blob_properties()).metadata == {}


async def test_a_token_for_an_encryption_scope_changes_no_blob_of_another(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("one", b"data")
    url = f"{server.url}/things/one?{scoped('container', 'sc-one')}"
    assert (await fetch(url))[0] == 200
    assert (await fetch(f"{url}&comp=metadata", "PUT"))[:2] == (403, "AuthorizationFailure")


async def test_a_version_that_does_not_sign_the_encryption_scope_has_none(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("one", b"data")
    fields = {"sv": "2019-12-12", "sr": "c", "sp": "r", "se": "2099-01-01T00:00:00Z"}
    signed = ["r", "", fields["se"], f"/blob/{NAME}/things", "", "", "", fields["sv"], "c", *[""] * 6]
    fields["sig"] = sign(base64.b64decode(KEY), "\n".join(signed))
    url = f"{server.url}/things/one?{urlencode(fields)}"
    assert (await fetch(url))[0] == 200
    status, code, body = await fetch(f"{url}&ses=scope")
    assert (status, code) == (403, "AuthenticationFailed")
    assert b"ses needs a later version" in body


async def test_each_kind_of_deletion_needs_its_own_permission(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("one", b"data")
    moment = "2026-01-31T12:00:00.0000000Z"
    for query, letter in (
        (f"versionid={moment}", "x"),
        (f"snapshot={moment}&deletetype=permanent", "y"),
        (f"versionid={moment}&deletetype=permanent", "y"),
    ):
        for permissions in ("rwdxylacti".replace(letter, ""), letter):
            token = container_token(permissions)
            _, code, _ = await fetch(f"{server.url}/things/one?{query}&{token}", "DELETE")
            allowed = permissions == letter
            expected = (
                ("BlobNotFound", "OperationNotAllowed") if allowed else ("AuthorizationPermissionMismatch",)
            )
            assert code in expected, (query, permissions)
    assert await container.get_blob_client("one").exists()


async def test_a_lease_is_broken_by_whoever_may_delete(container: ContainerClient, server: Server) -> None:
    blob = await container.upload_blob("one", b"data")
    await blob.acquire_lease()
    everything = ResourceTypes(container=True, object=True)
    permission = AccountSasPermissions(delete=True)
    account = str(generate_account_sas(NAME, KEY, everything, permission, soon()))
    for url, token in (
        (f"{server.url}/things/one?comp=lease", container_token("d")),
        (f"{server.url}/things/one?comp=lease", account),
        (f"{server.url}/things?restype=container&comp=lease", account),
    ):
        acquire = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}
        refused = await fetch(f"{url}&{token}", "PUT", headers=acquire)
        assert refused[:2] == (403, "AuthorizationPermissionMismatch")
        broken = await fetch(f"{url}&{token}", "PUT", headers={"x-ms-lease-action": "break"})
        assert broken[:2] in ((202, ""), (409, "LeaseNotPresentWithLeaseOperation"))
    assert (await blob.get_blob_properties()).lease.state == "broken"


async def test_lists_show_tags_to_whoever_may_read_them(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data", tags={"color": "red"})
    listing = f"{server.url}/things?restype=container&comp=list&include=tags&"
    assert (await fetch(listing + container_token("rl")))[1] == "AuthorizationPermissionMismatch"
    status, _, body = await fetch(listing + container_token("rlt"))
    assert status == 200
    assert b"<Value>red</Value>" in body


async def test_the_name_of_a_policy_is_signed(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    await container.set_container_access_policy(
        {
            "past": AccessPolicy(permission="r", expiry=datetime.now(UTC) - HOUR),
            "open": AccessPolicy(permission="r", expiry=soon()),
        }
    )
    fields = {
        name: dict(parse_qsl(str(generate_container_sas(NAME, "things", account_key=KEY, policy_id=name))))
        for name in ("past", "open")
    }
    url = f"{server.url}/things/one?"
    assert (await fetch(url + urlencode(fields["open"])))[0] == 200
    assert (await fetch(url + urlencode(fields["past"])))[0] == 403
    assert (await fetch(url + urlencode({**fields["past"], "si": "open"})))[:2] == (
        403,
        "AuthenticationFailed",
    )
