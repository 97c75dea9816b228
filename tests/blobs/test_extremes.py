"""No number, time or id of a request is too large, too small or too odd to be refused as documented."""

from collections.abc import Mapping
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from azure.storage.blob.aio import ContainerClient
from tests.blobs.bearer import token
from tests.blobs.server import NAME, Server
from tests.extremes import EXTREMES

from batchite.blobs.app import fallback
from batchite.web.guard import Guard
from batchite.wire.blob import listings

Headers = dict[str, str]
TOKEN = token()
GUID = "00000000-0000-0000-0000-000000000000"
SOURCE = f"http://127.0.0.1:1/{NAME}/things/page?{TOKEN}"
LEASE = ["x-ms-lease-id", "x-ms-lease-duration", "x-ms-lease-break-period", "x-ms-proposed-lease-id"]
CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "x-ms-lease-id"]
OF_SOURCE = ["x-ms-source-range", "x-ms-source-if-modified-since", "x-ms-source-content-md5"]
SEQUENCE = [f"x-ms-if-sequence-number-{name}" for name in ("le", "lt", "eq")]
APPEND = ["x-ms-blob-condition-appendpos", "x-ms-blob-condition-maxsize"]
PAGES = {"x-ms-page-write": "update", "x-ms-range": "bytes=0-511"}
PAGES_OF_SOURCE = {**PAGES, "x-ms-copy-source": SOURCE, "x-ms-source-range": "bytes=0-511"}
ACQUIRE = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "15"}
CHANGE = {"x-ms-lease-action": "change", "x-ms-lease-id": GUID, "x-ms-proposed-lease-id": GUID}
SEQUENCED = {"x-ms-sequence-number-action": "max"}

REQUESTS: list[tuple[str, Headers, list[str]]] = [
    ("GET /things/block", {}, ["range", "x-ms-range", "x-ms-range-get-content-md5", *CONDITIONS]),
    ("HEAD /things/block", {}, ["range", *CONDITIONS]),
    ("PUT /things/new", {"x-ms-blob-type": "BlockBlob"}, [*CONDITIONS, "x-ms-access-tier", "content-md5"]),
    ("PUT /things/new", {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "512"}, [
        "x-ms-blob-content-length", "x-ms-blob-sequence-number",
    ]),
    ("PUT /things/new", {"x-ms-copy-source": SOURCE}, ["x-ms-copy-source", "x-ms-access-tier", *OF_SOURCE]),
    ("PUT /things/new?comp=block&blockid=AAAA", {}, ["content-md5", "x-ms-content-crc64"]),
    ("PUT /things/new?comp=block&blockid=AAAA", {"x-ms-copy-source": SOURCE}, OF_SOURCE),
    ("PUT /things/block?comp=copy&copyid=" + GUID, {"x-ms-copy-action": "abort"}, ["x-ms-copy-action"]),
    ("PUT /things/block?comp=tier", {"x-ms-access-tier": "Hot"}, ["x-ms-rehydrate-priority"]),
    ("PUT /things/block?comp=lease", ACQUIRE, LEASE),
    ("PUT /things/block?comp=lease", {"x-ms-lease-action": "break"}, LEASE),
    ("PUT /things/block?comp=lease", CHANGE, LEASE),
    ("PUT /things?restype=container&comp=lease", ACQUIRE, LEASE),
    ("PUT /things/append?comp=appendblock", {}, APPEND),
    ("PUT /things/append?comp=seal", {}, APPEND),
    ("PUT /things/page?comp=page", PAGES, ["x-ms-range", *SEQUENCE]),
    ("PUT /things/page?comp=page", {**PAGES, "x-ms-page-write": "clear"}, ["x-ms-range", *SEQUENCE]),
    ("PUT /things/page?comp=page", PAGES_OF_SOURCE, [*OF_SOURCE, "x-ms-range"]),
    ("PUT /things/page?comp=properties", {}, ["x-ms-blob-content-length", *CONDITIONS]),
    ("PUT /things/page?comp=properties", SEQUENCED, ["x-ms-blob-sequence-number"]),
    ("GET /things/page?comp=pagelist", {}, ["range", "x-ms-range", *CONDITIONS]),
    ("DELETE /things/none", {}, ["x-ms-delete-snapshots", "x-ms-access-tier-if-modified-since", *CONDITIONS]),
    ("PUT /gone?restype=container&comp=undelete", {"x-ms-deleted-container-name": "gone"}, [
        "x-ms-deleted-container-version",
    ]),
    ("GET /things/block", {}, ["x-ms-version", "x-ms-client-request-id", "origin"]),
]  # fmt: skip
"""What is asked, and which of its headers are odd."""

PARAMETERS: list[tuple[str, list[str]]] = [
    ("GET /things/block", ["snapshot", "versionid", "timeout", "api-version"]),
    ("DELETE /things/none", ["snapshot", "versionid", "deletetype"]),
    ("GET /things/page?comp=pagelist", ["snapshot", "prevsnapshot", "maxresults", "marker"]),
    ("GET /things?restype=container&comp=list", ["maxresults", "marker", "prefix", "startFrom", "endBefore"]),
    ("GET ?comp=list", ["maxresults", "marker", "prefix", "include"]),
    ("GET ?comp=blobs&where=a='b'", ["maxresults", "marker"]),
    ("PUT /things/new?comp=block", ["blockid"]),
    ("PUT /things/block?comp=copy", ["copyid"]),
    ("GET /things/block?comp=blocklist", ["blocklisttype", "snapshot"]),
]

DOCUMENTS = {
    "POST ?restype=service&comp=userdelegationkey": "<KeyInfo><Start>{}</Start><Expiry>{}</Expiry></KeyInfo>",
    "PUT ?restype=service&comp=properties": "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true"
    "</Enabled><Days>{}</Days></DeleteRetentionPolicy></StorageServiceProperties>",
    "PUT /things?restype=container&comp=acl": "<SignedIdentifiers><SignedIdentifier><Id>a</Id><AccessPolicy>"
    "<Start>{}</Start><Expiry>{}</Expiry></AccessPolicy></SignedIdentifier></SignedIdentifiers>",
    "PUT /things/new?comp=blocklist": "<BlockList><Latest>{}</Latest></BlockList>",
    "PUT /things/block?comp=tags": "<Tags><TagSet><Tag><Key>{}</Key><Value>{}</Value></Tag></TagSet></Tags>",
}


@pytest.fixture
async def filled(container: ContainerClient) -> None:
    await container.upload_blob("block", b"data", tags={"a": "b"})
    await container.get_blob_client("append").create_append_blob()
    page = container.get_blob_client("page")
    await page.create_page_blob(4096)
    await page.upload_page(b"x" * 512, 1024, 512)


async def status(server: Server, request: str, headers: Mapping[str, str], body: bytes = b"") -> int:
    """That of the answer, without a connection, on which half of the values could not be sent."""
    verb, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    sent = {"host": "127.0.0.1:1", "content-length": str(len(body)), **headers}
    found: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    scope = {
        "type": "http", "http_version": "1.1", "method": verb, "scheme": "http", "client": ("127.0.0.1", 1),
        "raw_path": f"/{NAME}{path}".encode(), "query_string": f"{query}&{TOKEN}".encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
    }  # fmt: skip
    await Guard(server.app, own={}, errors=fallback)(scope, receive, send)
    return found[0]


@pytest.mark.parametrize("target", sorted({of[0].partition("?")[0] for of in REQUESTS}))
@pytest.mark.usefixtures("filled")
async def test_of_headers(server: Server, target: str) -> None:
    for request, headers, names in (of for of in REQUESTS if of[0].partition("?")[0] == target):
        takes = headers.get("x-ms-page-write") == "update" or request.endswith(("appendblock", "AAAA"))
        body = b"x" * 512 if takes and "x-ms-copy-source" not in headers else b""
        for name, value in product(names, EXTREMES):
            found = await status(server, request, {**headers, name: value}, body)
            assert found < 500, (request, headers, name, value)


@pytest.mark.usefixtures("filled")
async def test_of_parameters(server: Server) -> None:
    for request, names in PARAMETERS:
        joint = "&" if "?" in request else "?"
        for name, value in product(names, EXTREMES):
            forged = (value, f"a\0{value}", f"{value}\0{value}") if name == "marker" else ()
            for given in (value, *map(listings.marker, forged)):
                asked = f"{request}{joint}{name}={quote(given)}"
                assert await status(server, asked, {"x-ms-copy-action": "abort"}) < 500, (
                    request,
                    name,
                    given,
                )


@pytest.mark.usefixtures("filled")
async def test_of_documents(server: Server) -> None:
    for request, value in product(DOCUMENTS, EXTREMES):
        document = DOCUMENTS[request].replace("{}", value).encode()
        assert await status(server, request, {}, document) < 500, (request, value)
    for target in ("?restype=service&comp=properties", "/things?restype=container&comp=list&include=tags"):
        assert await status(server, f"GET {target}", {}) == 200


async def test_a_deleted_version_that_no_container_can_have(server: Server) -> None:
    for version, expected in (
        ("7FFFFFFFFFFFFFFF", 404),
        ("8000000000000000", 400),
        ("FFFFFFFFFFFFFFFF", 400),
    ):
        headers = {"x-ms-deleted-container-name": "gone", "x-ms-deleted-container-version": version}
        assert await status(server, "PUT /gone?restype=container&comp=undelete", headers) == expected
