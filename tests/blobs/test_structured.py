"""Structured bodies, sent and asked for without an SDK; with one see `clients`."""

import pytest
from azure.storage.blob.aio import ContainerClient
from tests.blobs import by_hand
from tests.blobs.by_hand import PUT, call, exchange, signed, status_and_code
from tests.blobs.server import NAME, Server
from tests.wire.blob.test_structured import decoded, message

from batchite.wire.blob import structured

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

FORM = {structured.HEADER: structured.FORM}
PAGE = {"x-ms-range": "bytes=0-511", "x-ms-page-write": "update"}
LIST = b"<BlockList><Latest>AAAA</Latest></BlockList>"
LARGE = bytes(range(251)) * 40_000


def sending(content: bytes) -> dict[str, str]:
    return {**FORM, structured.LENGTH: str(len(content))}


WRITES = {**by_hand.WRITES, "Put Blob, empty": ("/things/b", PUT, b"")}


@pytest.mark.parametrize("name", WRITES)
async def test_what_is_sent_as_a_message_is_stored_as_what_is_in_it(
    written: ContainerClient, server: Server, name: str
) -> None:
    path, headers, content = WRITES[name]
    path, body = f"/{NAME}{path}", message(content[:3], content[3:])
    sent = signed("PUT", path, {**headers, **sending(content), "Content-Length": str(len(body))})
    answer = await exchange(server, "PUT", path, sent, body)
    assert status_and_code(answer)[0] == 201
    assert f"\r\n{structured.HEADER}: {structured.FORM}\r\n".encode() in answer
    if name.startswith("Put Block") and "List" not in name:
        await call(
            server, "PUT", "/things/b?comp=blocklist", {}, b"<BlockList><Latest>AAAA</Latest></BlockList>"
        )
    blob = path.split("/")[3].partition("?")[0]
    expected = b"" if name == "Put Block List" else content
    assert await (await written.download_blob(blob)).readall() == expected


@pytest.mark.parametrize("name", [name for name in WRITES if name != "Put Blob, empty"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body.replace(b"x" if b"xx" in body else b"L", b"y", 1), "Crc64Mismatch"),
        (lambda body: body[:-1], "InvalidInput"),
        (lambda body: body + b"!", "InvalidInput"),
    ],
)
async def test_a_message_that_came_to_harm_stores_nothing(
    written: ContainerClient, server: Server, name: str, change: object, code: str
) -> None:
    path, headers, content = WRITES[name]
    body = change(message(content))  # type: ignore[operator]
    assert await call(server, "PUT", path, {**headers, **sending(content)}, body) == (400, code)
    found = [(blob.name, blob.size) async for blob in written.list_blobs(include=["uncommittedblobs"])]
    assert found == [("disk", 512), ("log", 0)]
    assert await (await written.download_blob("disk")).readall() == bytes(512)


async def test_a_large_message_goes_around_the_parser_and_to_disk(
    container: ContainerClient, server: Server
) -> None:
    body = message(LARGE[:4_000_000], LARGE[4_000_000:])
    assert await call(server, "PUT", "/things/large", {**PUT, **sending(LARGE)}, body) == (201, "")
    assert await (await container.download_blob("large")).readall() == LARGE


@pytest.mark.parametrize("size", [0, 10, 20_000, len(LARGE)])
async def test_what_is_asked_for_as_a_message_comes_as_one(
    container: ContainerClient, server: Server, size: int
) -> None:
    content = LARGE[:size]
    await container.upload_blob("b", content)
    path = f"/{NAME}/things/b"
    for wanted in ({}, {"x-ms-range": "bytes=3-9000000"}) if size else ({},):
        answer = await exchange(server, "GET", path, signed("GET", path, {**FORM, **wanted}))
        head, _, body = answer.partition(b"\r\n\r\n")
        expected = content[3:9_000_001] if wanted else content
        lines = head.decode().split("\r\n")
        assert lines[0].split()[1] == ("206" if wanted else "200")
        assert f"{structured.HEADER}: {structured.FORM}" in lines
        assert f"{structured.LENGTH}: {len(expected)}" in lines
        assert f"content-length: {len(body)}" in lines
        assert decoded(body, len(expected), at_once=100_000) == expected
        if wanted:
            assert f"content-range: bytes 3-{len(expected) + 2}/{size}" in lines


async def test_blocks_of_a_blob_come_as_one_message(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("b")
    blob._config.max_single_put_size = blob._config.max_block_size = 1_000_000
    await blob.upload_blob(LARGE)
    path = f"/{NAME}/things/b"
    answer = await exchange(server, "GET", path, signed("GET", path, FORM))
    assert decoded(answer.partition(b"\r\n\r\n")[2], len(LARGE), at_once=100_000) == LARGE


@pytest.mark.parametrize(
    ("verb", "path", "headers", "expected"),
    [
        ("PUT", "/things/b", {**PUT, **FORM}, (400, "MissingRequiredHeader")),
        ("PUT", "/things/b", {**PUT, **FORM, structured.LENGTH: "x"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b", {**PUT, **FORM, structured.LENGTH: str(2**43)}, (413, "RequestBodyTooLarge")),
        ("PUT", "/things/b", {**PUT, structured.HEADER: "XSM/9.0"}, (400, "InvalidHeaderValue")),
        ("PUT", "/things/b?comp=tags", FORM, (400, "UnsupportedHeader")),
        ("GET", "/things/kept", {structured.HEADER: "XSM/9.0"}, (400, "InvalidHeaderValue")),
        ("GET", "/things/kept?comp=metadata", FORM, (400, "UnsupportedHeader")),
    ],
)
async def test_forms_and_places_that_there_are_not_are_refused(
    container: ContainerClient,
    server: Server,
    verb: str,
    path: str,
    headers: dict[str, str],
    expected: tuple[int, str],
) -> None:
    await container.upload_blob("kept", b"x")
    assert await call(server, verb, path, headers) == expected
