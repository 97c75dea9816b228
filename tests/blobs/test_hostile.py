"""Requests no client would send; every answer is a documented error and nothing changes."""

import asyncio
import logging

import pytest
from azure.storage.blob.aio import ContainerClient
from tests.blobs import bearer
from tests.blobs.by_hand import LIST, PUT, call, exchange, signed, status_and_code
from tests.blobs.server import NAME, Server

from batchite.blobs.app import fallback
from batchite.web.problems import BodyIncomplete

WRITE = {"x-ms-page-write": "update"}
GUID = "00000000-0000-0000-0000-000000000000"


async def names(container: ContainerClient) -> list[str]:
    return [blob.name async for blob in container.list_blobs()]


DELETED = "x-ms-deleted-container-version"
ACL = "/things?restype=container&comp=acl"


@pytest.mark.parametrize(
    ("verb", "path", "headers", "expected"),
    [
        ("PUT", "/things/b", {}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b", {"x-ms-blob-type": "PageBlob"}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b", {"x-ms-blob-type": "Sparse"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-meta-": "1"}, (400, "EmptyMetadataKey")),
        ("PUT", "/things/b", {**PUT, "x-ms-meta-1a": "1"}, (400, "InvalidMetadata")),
        ("PUT", "/things/b", {**PUT, "x-ms-meta-a": "1" * 9000}, (400, "MetadataTooLarge")),
        ("PUT", "/things/b", {**PUT, "x-ms-blob-content-md5": "x"}, (400, "InvalidMd5")),
        ("PUT", "/things/b", {**PUT, "x-ms-version": "today"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-copy-source": "http://x/"}, (403, "CannotVerifyCopySource")),
        ("PUT", "/things/b", {**PUT, "x-ms-copy-source": "file:///etc/x"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-copy-source": "http://x:y/"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-copy-source": "http://[::1/"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=blocklist", {"x-ms-copy-source": "http://x/"}, (400, "UnsupportedHeader")),
        ("PUT", "/things/b", {**PUT, "x-ms-source-range": "bytes=0-1"}, (400, "UnsupportedHeader")),
        (
            "PUT",
            "/things/b",
            {**PUT, "x-ms-copy-source": "http://x/", "x-ms-source-range": "bytes=0-1"},
            (400, "UnsupportedHeader"),
        ),
        ("PUT", "/things/b", {**PUT, "x-ms-source-if-match": "*"}, (400, "UnsupportedHeader")),
        ("PUT", "/things/b", {**PUT, "x-ms-seal-blob": "true"}, (400, "UnsupportedHeader")),
        ("PUT", "/things/b", {**PUT, "x-ms-incremental-copy": "true"}, (400, "UnsupportedHeader")),
        ("PUT", "/things/b", {**PUT, "x-ms-blob-if-match": "*"}, (400, "UnsupportedHeader")),
        (
            "PUT",
            "/new?restype=container",
            {"x-ms-deny-encryption-scope-override": "true"},
            (400, "UnsupportedHeader"),
        ),
        ("GET", "/things/b?timeout=soon", {}, (400, "InvalidQueryParameterValue")),
        ("GET", "/things/b", {"x-ms-range-get-content-md5": "banana"}, (400, "InvalidHeaderValue")),
        (
            "GET",
            "/things/b",
            {
                "x-ms-range": "bytes=0-0",
                "x-ms-range-get-content-md5": "true",
                "x-ms-range-get-content-crc64": "true",
            },
            (400, "InvalidHeaderValue"),
        ),
        ("GET", "/A_b/c", {}, (400, "InvalidResourceName")),
        ("DELETE", "/A_b?restype=container", {}, (400, "InvalidResourceName")),
        ("PUT", "/ab/c", PUT, (400, "OutOfRangeInput")),
        ("GET", f"{LIST}&maxresults=-1", {}, (400, "OutOfRangeQueryParameterValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-tags": "a"}, (400, "InvalidTag")),
        ("PUT", "/things/b", {**PUT, "x-ms-access-tier": "Warm"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-content-crc64": "x"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-encryption-key": "x"}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b", {**PUT, "x-ms-encryption-scope": "-"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=tier", {}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b?comp=tags", {}, (400, "InvalidXmlDocument")),
        ("PUT", "/things/b?comp=copy", {}, (400, "MissingRequiredHeader")),
        ("GET", "/?comp=blobs", {}, (400, "MissingRequiredQueryParameter")),
        ("POST", "/?comp=batch", {}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-lease-id": "a"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, "x-ms-lease-id": GUID}, (412, "LeaseNotPresentWithBlobOperation")),
        ("PUT", f"/things/{'n' * 1025}", PUT, (400, "InvalidUri")),
        ("PUT", "/things/a%00b", PUT, (400, "InvalidUri")),
        ("PUT", "/things/%ff", PUT, (400, "InvalidUri")),
        ("PUT", "/things/%zz", PUT, (400, "InvalidUri")),
        ("PUT", "/things/b?comp=incrementalcopy", {}, (400, "UnsupportedQueryParameter")),
        ("PUT", "/things/b?comp=appendblock", {}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=page", {}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b?comp=page", {"x-ms-page-write": "tear"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=page", {**WRITE, "Range": "bytes=0-511"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=page", {**WRITE, "Range": "bytes=1-512"}, (416, "InvalidPageRange")),
        ("PUT", "/things/b?comp=page", {**WRITE, "Range": "bytes=0-"}, (400, "InvalidHeaderValue")),
        (
            "PUT",
            "/things/b?comp=page",
            {**WRITE, "Range": "bytes=0-9999999999"},
            (413, "RequestBodyTooLarge"),
        ),
        ("PUT", "/things/b?comp=lease", {}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b?comp=lease", {"x-ms-lease-action": "steal"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=nonsense", {}, (400, "InvalidQueryParameterValue")),
        ("PUT", "/things/b?comp=block", {}, (400, "InvalidBlockId")),
        ("PUT", "/things/b?comp=block&blockid=YQ%3D%3D", {}, (400, "InvalidHeaderValue")),
        ("POST", "/things/b", {}, (405, "UnsupportedHttpVerb")),
        ("GET", "/things/b?snapshot=2026-01-01T00:00:00Z", {}, (404, "BlobNotFound")),
        ("GET", "/things/b?snapshot=yesterday", {}, (400, "InvalidQueryParameterValue")),
        ("GET", "/things/b?snapshot=9999-01-01T00:00:00Z", {}, (404, "BlobNotFound")),
        ("PUT", "/things/b?snapshot=2026-01-01T00:00:00Z", PUT, (400, "InvalidQueryParameterValue")),
        (
            "GET",
            f"{LIST}&maxresults=0",
            {},
            (400, "OutOfRangeQueryParameterValue"),
        ),
        ("GET", f"{LIST}&maxresults=x", {}, (400, "InvalidQueryParameterValue")),
        ("GET", f"{LIST}&marker=x", {}, (400, "InvalidQueryParameterValue")),
        ("GET", f"{LIST}&include=x", {}, (400, "InvalidQueryParameterValue")),
        ("GET", "/things?action=getAccessControl", {}, (404, "ContainerNotFound")),
        ("PUT", "/?comp=properties&restype=service", {}, (400, "InvalidXmlDocument")),
        ("GET", "/?comp=stats&restype=service", {}, (400, "InvalidQueryParameterValue")),
        ("PUT", ACL, {"x-ms-blob-public-access": "all"}, (400, "InvalidHeaderValue")),
        ("PUT", ACL, {"x-ms-lease-id": GUID}, (412, "LeaseNotPresentWithContainerOperation")),
        ("PUT", ACL, {"If-Match": "*"}, (400, "UnsupportedHeader")),
        ("PUT", ACL, {"If-Modified-Since": "Tue, 01 Jan 2999 00:00:00 GMT"}, (412, "ConditionNotMet")),
        ("PUT", ACL, {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, (412, "ConditionNotMet")),
        ("GET", ACL, {"If-Match": '"0x1"'}, (412, "ConditionNotMet")),
        ("POST", "/?comp=userdelegationkey&restype=service", {}, (401, "NoAuthenticationInformation")),
        ("OPTIONS", "/things/b", {"Origin": "https://a.org"}, (400, "InvalidHeaderValue")),
        ("GET", "/", {}, (400, "MissingRequiredQueryParameter")),
        (
            "PUT",
            "/new?restype=container&comp=undelete",
            {DELETED: "8000000000000000"},
            (400, "InvalidHeaderValue"),
        ),
    ],
)
async def test_bad_requests(
    container: ContainerClient,
    server: Server,
    verb: str,
    path: str,
    headers: dict[str, str],
    expected: tuple[int, str],
) -> None:
    assert await call(server, verb, path, headers) == expected
    assert await names(container) == []


async def test_an_unknown_account_is_not_found(server: Server) -> None:
    answer = await exchange(server, "GET", "/nobody/c?restype=container", {})
    assert status_and_code(answer) == (404, "ResourceNotFound")


BLOCK_LISTS = {
    b"": (400, "InvalidXmlDocument"),
    b"<BlockList>": (400, "InvalidXmlDocument"),
    b"<Other/>": (400, "InvalidXmlDocument"),
    b"<BlockList><Latest>%%%</Latest></BlockList>": (400, "InvalidBlockId"),
    b"<BlockList><Newest>YQ==</Newest></BlockList>": (400, "InvalidXmlDocument"),
    b"<BlockList><Latest>YQ==</Latest></BlockList>": (400, "InvalidBlockList"),
    b'<?xml version="1.0" encoding="klingon"?><BlockList/>': (400, "InvalidXmlDocument"),
    b'<!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY c "&a;&a;&a;">]><BlockList><Latest>&c;</Latest></BlockList>': (
        400,
        "InvalidXmlDocument",
    ),
    b'<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]><BlockList><Latest>&x;</Latest></BlockList>': (
        400,
        "InvalidXmlDocument",
    ),
    b"<BlockList>" + b"<Latest>YQ==</Latest>" * 50_001 + b"</BlockList>": (400, "BlockListTooLong"),
    b"<BlockList " + b" ".join(b"a%d='1'" % number for number in range(50_000)) + b"/>": (
        400,
        "InvalidXmlDocument",
    ),
}


@pytest.mark.parametrize("document", BLOCK_LISTS, ids=range(len(BLOCK_LISTS)))
async def test_bad_block_lists(container: ContainerClient, server: Server, document: bytes) -> None:
    assert await call(server, "PUT", "/things/b?comp=blocklist", {}, document) == BLOCK_LISTS[document]
    assert await names(container) == []


@pytest.mark.parametrize("length", ["0" * 5000, "9" * 30, "18446744073709551615"])
async def test_lengths_that_nothing_has(container: ContainerClient, server: Server, length: str) -> None:
    path = f"/{NAME}/things/long"
    answer = await exchange(server, "PUT", path, signed("PUT", path, {**PUT, "Content-Length": length}))
    assert status_and_code(answer)[0] in (400, 413)
    assert await names(container) == []


@pytest.mark.parametrize(("sent", "status"), [("1 \t", 201), ("\xa01", 403), ("1\x85", 403)])
async def test_what_surrounds_a_signed_header_is_signed_unless_it_is_space(
    container: ContainerClient, server: Server, sent: str, status: int
) -> None:
    path = f"/{NAME}/things/spaced"
    headers = signed("PUT", path, {**PUT, "Content-Length": "0", "x-ms-meta-a": "1"})
    answer = await exchange(server, "PUT", path, {**headers, "x-ms-meta-a": sent})
    assert status_and_code(answer)[0] == status
    assert await names(container) == (["spaced"] if status == 201 else [])


async def test_a_body_in_chunks_is_taken(container: ContainerClient, server: Server) -> None:
    body = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    path = f"/{NAME}/things/chunked?{bearer.token()}"
    headers = {**PUT, "Transfer-Encoding": "chunked", "x-ms-version": "2025-01-05"}
    assert status_and_code(await exchange(server, "PUT", path, headers, body)) == (201, "")
    assert await (await container.download_blob("chunked")).readall() == b"hello world"


@pytest.mark.parametrize("query", ["", "?comp=block&blockid=AAAA"])
async def test_a_body_without_an_end_is_refused(
    container: ContainerClient, server: Server, query: str
) -> None:
    path = f"/{NAME}/things/endless{query}"
    head = "".join(f"{name}: {value}\r\n" for name, value in signed("PUT", path, PUT).items())
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")
    assert b"x-ms-error-code: MissingContentLengthHeader" in answer
    writer.close()
    await writer.wait_closed()
    assert await names(container) == []


def test_a_body_of_another_length_than_announced_is_refused() -> None:
    assert fallback(BodyIncomplete("5 bytes were announced, and 4 came."), "id").status_code == 400


async def test_a_body_on_what_was_signed_without_one_is_refused(
    container: ContainerClient, server: Server
) -> None:
    headers = {**PUT, "Transfer-Encoding": "chunked"}
    refused = await call(server, "PUT", "/things/added", headers, b"5\r\nadded\r\n0\r\n\r\n")
    assert refused == (411, "MissingContentLengthHeader")
    assert await names(container) == []


UPGRADES = {
    "h2c": {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"},
    "websocket": {"Connection": "Upgrade", "Upgrade": "websocket"},
}


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
async def test_a_body_is_stored_whatever_else_the_client_would_rather_speak(
    container: ContainerClient, server: Server, upgrade: dict[str, str]
) -> None:
    await container.upload_blob("kept", b"before")
    path = f"/{NAME}/things/kept"
    headers = signed("PUT", path, {**PUT, "x-ms-meta-Case": "1", "Content-Length": "5"})
    lines = [f"{name}: {value}" for name, value in {**upgrade, **headers}.items()]
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write("\r\n".join([f"PUT {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode())
    await writer.drain()
    writer.write(b"after")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()
    stored = await container.download_blob("kept")
    assert await stored.readall() == b"after"
    assert stored.properties.metadata == {"Case": "1"}


async def test_a_client_may_wait_for_continue(container: ContainerClient, server: Server) -> None:
    path = f"/{NAME}/things/waited"
    headers = signed("PUT", path, {**PUT, "Content-Length": "4"})
    head = "".join(f"{name}: {value}\r\n" for name, value in {**headers, "Expect": "100-continue"}.items())
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b"data")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()
    await writer.wait_closed()


async def test_an_announced_giant_is_refused_unread(container: ContainerClient, server: Server) -> None:
    path = f"/{NAME}/things/giant"
    headers = signed("PUT", path, {**PUT, "Content-Length": str(2**43)})
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()
    assert server.files.numbers() == set()


async def test_versions_to_come_are_served_and_told_once(
    container: ContainerClient, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/{NAME}/things?restype=container"
    headers = signed("GET", path, {"x-ms-version": "2031-12-31", "x-ms-client-request-id": "mine"})
    with caplog.at_level(logging.INFO, "batchite.blobs.app"):
        await exchange(server, "GET", path, headers)
        answer = await exchange(server, "GET", path, headers)
    assert [record.levelname for record in caplog.records if "2031-12-31" in record.message] == ["INFO"]
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nx-ms-version: 2031-12-31\r\n" in answer
    assert b"\r\nx-ms-client-request-id: mine\r\n" in answer


async def test_names_beyond_xml_are_listed_encoded(container: ContainerClient, server: Server) -> None:
    assert await call(server, "PUT", "/things/a%01b%EF%BF%BE", PUT) == (201, "")
    path = f"/{NAME}/things?restype=container&comp=list"
    answer = await exchange(server, "GET", path, signed("GET", path, {}))
    assert b'<Name Encoded="true">a%01b%EF%BF%BE</Name>' in answer
    assert await names(container) == ["a\x01b\ufffe"]


async def test_what_lies_outside_the_protocol_is_answered_in_its_form(server: Server) -> None:
    for path in ("/-/secret", f"/{NAME}/%zz"):
        status, code = status_and_code(await exchange(server, "GET", path, {}))
        assert status in (400, 404)
        assert code in ("InvalidUri", "ResourceNotFound")


async def test_health_needs_no_credentials(server: Server) -> None:
    assert (await exchange(server, "GET", "/healthz", {})).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/things/absent", 404, "BlobNotFound"),
        ("/absent?restype=container", 404, "ContainerNotFound"),
        ("/things/absent?snapshot=yesterday", 400, "InvalidQueryParameterValue"),
        ("/things/absent?comp=block", 405, "UnsupportedHttpVerb"),
        ("/things/%zz", 400, "InvalidUri"),
    ],
)
async def test_an_error_to_head_claims_no_body(
    container: ContainerClient, server: Server, path: str, status: int, code: str
) -> None:
    path = f"/{NAME}{path}"
    answer = await exchange(server, "HEAD", path, signed("HEAD", path, {}))
    lines = answer.decode().lower().split("\r\n")
    assert (lines[0].split()[1], f"x-ms-error-code: {code.lower()}" in lines) == (str(status), True)
    assert not [line for line in lines if line.startswith(("content-", "transfer-encoding", "<"))]
