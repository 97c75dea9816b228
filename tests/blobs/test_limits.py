"""The limits that the service documents: what is just allowed, and what is just too much."""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import ContainerClient
from tests.blobs.by_hand import PUT, call, exchange, signed, status_and_code
from tests.blobs.server import NAME, Server

from batchite.blobs import append

MIB = 1024**2
LEASE = {"x-ms-lease-action": "acquire"}
CLEAR = {"x-ms-page-write": "clear", "x-ms-range": "bytes=0-511"}
PAGE_BLOB = {"x-ms-blob-type": "PageBlob"}
LENGTH, SEQUENCE = "x-ms-blob-content-length", "x-ms-blob-sequence-number"


class Ask(NamedTuple):
    path: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    verb: str = "PUT"


def container(name: str) -> Ask:
    return Ask(f"/{name}?restype=container")


def named(name: str) -> Ask:
    return Ask(f"/things/{name}", PUT)


def with_headers(**headers: str) -> Ask:
    return Ask("/things/b", {**PUT, **{name.replace("_", "-"): value for name, value in headers.items()}})


def meta(name: str) -> Ask:
    return Ask("/things/b", {**PUT, f"x-ms-meta-{name}": "value"})


def tagged(count: int, name: int = 3, value: int = 3) -> Ask:
    tags = "&".join(f"{number:0{name}}={'v' * value}" for number in range(count))
    return with_headers(x_ms_tags=tags)


def block(length: int) -> Ask:
    return Ask(
        f"/things/block-{length}?comp=block&blockid={base64.b64encode(b'i' * length).decode()}", {}, b"data"
    )


def block_list(count: int) -> Ask:
    listed = f"<Latest>{base64.b64encode(b'known').decode()}</Latest>" * count
    return Ask("/things/known?comp=blocklist", {}, f"<BlockList>{listed}</BlockList>".encode())


def policies(count: int, length: int = 3) -> Ask:
    listed = "".join(f"<SignedIdentifier><Id>{n:0{length}}</Id></SignedIdentifier>" for n in range(count))
    document = f"<SignedIdentifiers>{listed}</SignedIdentifiers>"
    return Ask("/things?restype=container&comp=acl", {}, document.encode())


def page_blob(size: int, sequence: int = 0) -> Ask:
    return Ask("/things/disk", {**PAGE_BLOB, LENGTH: str(size), SEQUENCE: str(sequence)})


def lease(seconds: int) -> Ask:
    return Ask(f"/things/leased{seconds}?comp=lease", {**LEASE, "x-ms-lease-duration": str(seconds)})


def kept_for(days: int) -> Ask:
    policy = f"<Enabled>true</Enabled><Days>{days}</Days>"
    document = (
        f"<StorageServiceProperties><DeleteRetentionPolicy>{policy}</DeleteRetentionPolicy>"
        "</StorageServiceProperties>"
    )
    return Ask("/?restype=service&comp=properties", {}, document.encode())


def cors(count: int) -> Ask:
    rule = (
        "<CorsRule><AllowedOrigins>*</AllowedOrigins><AllowedMethods>GET</AllowedMethods>"
        "<AllowedHeaders></AllowedHeaders><ExposedHeaders></ExposedHeaders>"
        "<MaxAgeInSeconds>1</MaxAgeInSeconds></CorsRule>"
    )
    document = f"<StorageServiceProperties><Cors>{rule * count}</Cors></StorageServiceProperties>"
    return Ask("/?restype=service&comp=properties", {}, document.encode())


def listing(count: str) -> Ask:
    return Ask(f"/things?restype=container&comp=list&maxresults={count}", verb="GET")


def ranged(last: int) -> Ask:
    headers = {"x-ms-range": f"bytes=0-{last}", "x-ms-range-get-content-md5": "true"}
    return Ask("/things/large", headers, verb="GET")


LIMITS: dict[str, tuple[list[Ask], list[Ask], tuple[int, str]]] = {
    "length of a container's name": (
        [container("abc"), container("a" * 63), container("a-b-c")],
        [container("ab"), container("a" * 64)],
        (400, "OutOfRangeInput"),
    ),
    "characters of a container's name": (
        [container("$root"), container("1-a")],
        [container("-abc"), container("abc-"), container("a--b"), container("Abc"), container("a_b")],
        (400, "InvalidResourceName"),
    ),
    "length of a blob's name": ([named("n" * 1024)], [named("n" * 1025)], (400, "InvalidUri")),
    "segments of a blob's name": ([named("a/" * 253 + "a")], [named("a/" * 254 + "a")], (400, "InvalidUri")),
    "metadata": (
        [with_headers(x_ms_meta_name="v" * (8192 - 4))],
        [with_headers(x_ms_meta_name="v" * (8192 - 3))],
        (400, "MetadataTooLarge"),
    ),
    "names of metadata": (
        [meta("_a1"), meta("A")],
        [meta("1a"), meta("a-b"), meta("a.b")],
        (400, "InvalidMetadata"),
    ),
    "tags": (
        [tagged(10), tagged(1, name=128), tagged(1, value=256)],
        [tagged(11), tagged(1, name=129), tagged(1, value=257)],
        (400, "TagsTooLarge"),
    ),
    "length of a block's id": ([block(1), block(64)], [block(0), block(65)], (400, "InvalidBlockId")),
    "blocks of a list": ([block_list(50_000)], [block_list(50_001)], (400, "BlockListTooLong")),
    "access policies": ([policies(5), policies(1, 64)], [policies(6)], (400, "InvalidXmlDocument")),
    "id of an access policy": ([policies(1, 64)], [policies(1, 65)], (400, "InvalidXmlNodeValue")),
    "size of a page blob": (
        [page_blob(0), page_blob(8 * 1024**4)],
        [page_blob(511), page_blob(8 * 1024**4 + 512)],
        (400, "InvalidHeaderValue"),
    ),
    "sequence number": ([page_blob(512, 2**63 - 1)], [page_blob(512, 2**63)], (400, "InvalidHeaderValue")),
    "duration of a lease": (
        [lease(60), lease(15), lease(-1)],
        [lease(14), lease(61), lease(0), lease(-2)],
        (400, "InvalidHeaderValue"),
    ),
    "days to keep what is deleted": (
        [kept_for(1), kept_for(365)],
        [kept_for(0), kept_for(366)],
        (400, "InvalidXmlNodeValue"),
    ),
    "CORS rules": ([cors(5)], [cors(6)], (400, "InvalidXmlDocument")),
    "results of a list": (
        [listing("1"), listing("5000"), listing("6000")],
        [listing("0")],
        (400, "OutOfRangeQueryParameterValue"),
    ),
    "a range with a checksum": ([ranged(4 * MIB - 1)], [ranged(4 * MIB)], (400, "InvalidHeaderValue")),
    "id of a request": (
        [with_headers(x_ms_client_request_id="i" * 1024)],
        [with_headers(x_ms_client_request_id="i" * 1025)],
        (400, "InvalidHeaderValue"),
    ),
    "URL of a source": (
        [],
        [with_headers(x_ms_copy_source="http://localhost/" + "u" * 2032)],
        (400, "InvalidHeaderValue"),
    ),
}


async def test_limits(container: ContainerClient, server: Server) -> None:
    await container.get_blob_client("large").create_page_blob(5 * MIB)
    await container.get_blob_client("known").stage_block("known", b"k")
    for seconds in (15, 60, -1):
        await container.upload_blob(f"leased{seconds}", b"")
    for name, (allowed, refused, error) in LIMITS.items():
        for ask in refused:
            assert await asked(server, ask) == error, (name, ask.path[:100])
        for ask in allowed:
            status, code = await asked(server, ask)
            assert status in (200, 201, 202, 206), (name, ask.path[:100], code)


async def asked(server: Server, ask: Ask) -> tuple[int, str]:
    return await call(server, ask.verb, ask.path, dict(ask.headers), ask.body)


ANNOUNCED = {
    "Put Blob": (5000 * MIB, "/things/b", PUT),
    "Put Block": (4000 * MIB, "/things/b?comp=block&blockid=YQ%3D%3D", {}),
    "Append Block": (100 * MIB, "/things/log?comp=appendblock", {}),
    "Put Page": (
        4 * MIB,
        "/things/disk?comp=page",
        {"x-ms-page-write": "update", "x-ms-range": f"bytes=0-{4 * MIB - 1}"},
    ),
}


async def test_a_body_that_is_too_long_is_refused_unread(container: ContainerClient, server: Server) -> None:
    await container.get_blob_client("log").create_append_blob()
    await container.get_blob_client("disk").create_page_blob(8 * MIB)
    for name, (limit, path, headers) in ANNOUNCED.items():
        path = f"/{NAME}{path}"
        given = signed("PUT", path, {**headers, "Content-Length": str(limit + 1)})
        answer = await exchange(server, "PUT", path, given)
        assert status_and_code(answer) == (413, "RequestBodyTooLarge"), name
        assert f"<MaxLimit>{limit}</MaxLimit>".encode() in answer


async def test_the_number_of_appends_is_bounded(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert append.MAX_APPENDS == 50_000
    monkeypatch.setattr(append, "MAX_APPENDS", 2)
    log = container.get_blob_client("log")
    await log.create_append_blob()
    for data in (b"one", b"two"):
        await log.append_block(data)
    with pytest.raises(HttpResponseError) as refused:
        await log.append_block(b"three")
    assert (refused.value.status_code, refused.value.error_code) == (409, "BlockCountExceedsLimit")
    assert (await log.get_blob_properties()).size == 6


MALFORMED = [
    Ask("/nowhere/b?comp=lease", {**LEASE, "x-ms-lease-duration": "long"}),
    Ask("/nowhere/b?comp=lease", {"x-ms-lease-action": "break", "x-ms-lease-break-period": "-1"}),
    Ask("/nowhere/b?comp=appendblock", {"x-ms-blob-condition-appendpos": "end"}, b"data"),
    Ask("/nowhere/b?comp=seal", {"x-ms-blob-condition-maxsize": "-1"}),
    Ask("/nowhere/b?comp=page", {**CLEAR, "x-ms-if-sequence-number-le": "few"}),
    Ask("/nowhere/b?comp=metadata", {"If-Unmodified-Since": "now"}),
    Ask("/nowhere/b", {"x-ms-if-tags": "="}, verb="GET"),
    Ask("/nowhere?restype=container", {"If-Modified-Since": "then"}, verb="DELETE"),
    Ask("/nowhere?restype=container&comp=lease", {**LEASE, "x-ms-lease-duration": "1"}),
]


async def test_what_is_malformed_is_refused_whatever_exists(server: Server) -> None:
    for ask in MALFORMED:
        assert await asked(server, ask) == (400, "InvalidHeaderValue"), ask
