from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccessPolicy,
    AccountSasPermissions,
    BlobSasPermissions,
    ContainerSasPermissions,
    PublicAccess,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.server import KEY, NAME, Server

HOUR = timedelta(hours=1)


async def status(url: str, verb: str = "GET") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(verb, url) as answer:
        return answer.status, answer.headers.get("x-ms-error-code", "")


def policy(permissions: str, **options: datetime) -> AccessPolicy:
    return AccessPolicy(ContainerSasPermissions.from_string(permissions), **options)


async def test_policies_are_kept_and_replaced(container: ContainerClient) -> None:
    start = datetime.now(UTC).replace(microsecond=0)
    before = await container.get_container_properties()
    await container.set_container_access_policy(
        {"reading": policy("rl", start=start, expiry=start + HOUR), "empty": AccessPolicy()}
    )
    shown = await container.get_container_access_policy()
    assert shown["public_access"] is None
    found = {entry.id: entry.access_policy for entry in shown["signed_identifiers"]}
    assert set(found) == {"reading", "empty"}
    assert found["reading"].permission == "rl"
    assert found["reading"].expiry == (start + HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await container.get_container_properties()).etag != before.etag
    await container.set_container_access_policy({})
    assert (await container.get_container_access_policy())["signed_identifiers"] == []


@pytest.mark.parametrize("nothing", [None, AccessPolicy()])
async def test_a_policy_that_says_nothing_is_shown_without_one(
    container: ContainerClient, nothing: AccessPolicy | None
) -> None:
    await container.set_container_access_policy({"empty": nothing})
    (kept,) = (await container.get_container_access_policy())["signed_identifiers"]
    assert (kept.id, kept.access_policy) == ("empty", None)
    await container.set_container_access_policy({})
    assert (await container.get_container_access_policy())["signed_identifiers"] == []


async def test_a_token_takes_from_its_policy_what_it_does_not_say(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("one", b"data")
    token = generate_container_sas(NAME, "things", account_key=KEY, policy_id="reading")
    blob = f"{server.url}/things/one?{token}"
    listing = f"{server.url}/things?restype=container&comp=list&{token}"
    assert await status(blob) == (403, "AuthenticationFailed")
    await container.set_container_access_policy({"reading": policy("r", expiry=datetime.now(UTC) + HOUR)})
    assert (await status(blob))[0] == 200
    assert await status(listing) == (403, "AuthorizationPermissionMismatch")
    assert (await status(blob, "DELETE"))[1] == "AuthorizationPermissionMismatch"
    await container.set_container_access_policy({"reading": policy("rl", expiry=datetime.now(UTC) - HOUR)})
    assert await status(blob) == (403, "AuthenticationFailed")
    await container.set_container_access_policy({"reading": policy("rl", expiry=datetime.now(UTC) + HOUR)})
    assert (await status(listing))[0] == 200
    await container.set_container_access_policy({})
    assert await status(blob) == (403, "AuthenticationFailed")


async def test_token_and_policy_complete_each_other_without_overlap(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("one", b"data")
    await container.set_container_access_policy({"p": policy("r"), "q": AccessPolicy()})

    def url(**options: object) -> str:
        return f"{server.url}/things/one?" + str(
            generate_blob_sas(NAME, "things", "one", account_key=KEY, **options)  # type: ignore[arg-type]
        )

    later, reading = datetime.now(UTC) + HOUR, BlobSasPermissions(read=True)
    assert (await status(url(policy_id="p", expiry=later)))[0] == 200
    assert (await status(url(policy_id="q", expiry=later, permission=reading)))[0] == 200
    assert (await status(url(policy_id="p", expiry=later, permission=reading)))[0] == 403
    assert (await status(url(policy_id="q", expiry=later)))[0] == 403
    assert (await status(url(policy_id="p")))[0] == 403


@pytest.mark.parametrize("identifiers", [{"x" * 65: AccessPolicy()}, {"a": AccessPolicy(permission="?")}])
async def test_policies_that_cannot_be_are_refused(
    container: ContainerClient, identifiers: dict[str, AccessPolicy]
) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await container.set_container_access_policy(identifiers)
    assert refused.value.status_code == 400
    assert (await container.get_container_access_policy())["signed_identifiers"] == []


async def test_only_a_key_changes_who_may_what(container: ContainerClient, server: Server) -> None:
    everything = AccountSasPermissions.from_string("rwdlacup")
    kinds = ResourceTypes(service=True, container=True, object=True)
    token = generate_account_sas(NAME, KEY, kinds, everything, datetime.now(UTC) + HOUR)
    url = f"{server.url}/things?restype=container&comp=acl&{token}"
    assert await status(url) == (403, "AuthorizationPermissionMismatch")
    assert await status(url, "PUT") == (403, "AuthorizationPermissionMismatch")


async def test_anybody_may_what_public_access_says(client: BlobServiceClient, server: Server) -> None:
    shown = {}
    for access in (None, PublicAccess.BLOB, PublicAccess.CONTAINER):
        name = f"access-{access.value if access else 'none'}"
        container = await client.create_container(name, public_access=access)
        await container.upload_blob("one", b"data")
        properties = await container.get_container_properties()
        shown[name] = properties.public_access
        url = f"{server.url}/{name}"
        reads = [await status(f"{url}/one"), await status(f"{url}/one?comp=metadata")]
        lists = [await status(f"{url}?restype=container&comp=list"), await status(f"{url}?restype=container")]
        other = [
            await status(f"{url}/one", "DELETE"),
            await status(f"{url}?restype=container", "DELETE"),
            await status(f"{url}?restype=container&comp=acl"),
        ]
        assert {code for code, _ in reads} == ({401} if access is None else {200})
        assert {code for code, _ in lists} == ({200} if access is PublicAccess.CONTAINER else {401})
        assert set(other) == {(401, "NoAuthenticationInformation")}
    assert shown == {"access-none": None, "access-blob": "blob", "access-container": "container"}
    assert await status(f"{server.url}/missing/one") == (401, "NoAuthenticationInformation")
    async with BlobClient(server.url, "access-blob", "one", retry_total=0) as anonymous:
        assert await (await anonymous.download_blob()).readall() == b"data"
        with pytest.raises(HttpResponseError):
            await anonymous.upload_blob(b"x", overwrite=True)


async def test_what_is_not_committed_is_not_for_anybody(container: ContainerClient, server: Server) -> None:
    await container.set_container_access_policy({}, public_access=PublicAccess.CONTAINER)
    await container.get_blob_client("staged").stage_block("YQ==", b"secret")
    url = f"{server.url}/things/staged?comp=blocklist&blocklisttype="
    assert (await status(f"{url}uncommitted"))[0] == 401
    assert (await status(f"{url}all"))[0] == 401
    assert (await status(f"{url}committed"))[0] == 200


async def test_public_access_ends_when_it_is_taken_away(container: ContainerClient, server: Server) -> None:
    await container.upload_blob("one", b"data")
    await container.set_container_access_policy({}, public_access=PublicAccess.BLOB)
    assert (await status(f"{server.url}/things/one"))[0] == 200
    await container.set_container_access_policy({})
    assert (await status(f"{server.url}/things/one"))[0] == 401
