"""Requests that would rather speak another protocol: HTTP/1.1 lets a server ignore that."""

import asyncio
import hashlib
import json

import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from tests.web.connections import serving

from batchite.web.bodies import LEAST_BYTES
from batchite.web.request import Incoming

DEADLINE = 60
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
WEBSOCKET = ("Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
TLS = ("Upgrade: TLS/1.0, HTTP/2.0", "Connection: upgrade")


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the verb, the path, the spelling of a header, the body's length and its checksum."""
    request = Incoming(scope, receive)
    seen, size = hashlib.sha256(), 0
    async for block in request.blocks():
        seen.update(block)
        size += len(block)
    spelled = request.spelled("x-meta") if "x-meta" in request.headers else ""
    answer = [request.verb, request.raw_path, spelled, size, seen.hexdigest()]
    await JSONResponse(answer)(scope, receive, send)


def head(target: str, *headers: str, verb: str = "PUT") -> bytes:
    return "\r\n".join((f"{verb} {target} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def expected(verb: str, path: str, body: bytes = b"", spelled: str = "") -> list[object]:
    return [verb, path, spelled, len(body), hashlib.sha256(body).hexdigest()]


async def answer(reader: asyncio.StreamReader) -> object:
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    length = next(line for line in lines if line.startswith(b"content-length: "))
    return json.loads(await reader.readexactly(int(length.removeprefix(b"content-length: "))))


BODY = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize("wanted", [H2C, WEBSOCKET, TLS], ids=["h2c", "websocket", "tls"])
@pytest.mark.parametrize("size", [1, 7, 4096], ids=["byte by byte", "in pieces", "at once"])
async def test_a_body_is_a_body_and_what_follows_is_the_next_request(
    wanted: tuple[str, ...], size: int
) -> None:
    stream = b"".join(
        (
            head("/first", "X-META: 1", *wanted, f"Content-Length: {len(BODY)}") + BODY,
            head("/second", *wanted, "Transfer-Encoding: chunked") + CHUNKED,
            head("/third", *wanted, verb="GET"),
            head("/-/fourth", *wanted[:1], "Content-Length: 0"),
            head("/last", verb="GET"),
        )
    )
    async with serving(mirror) as listener, asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)

        async def send() -> None:
            for at in range(0, len(stream), size):
                writer.write(stream[at : at + size])
                await writer.drain()
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        assert await answer(reader) == expected("PUT", "/first", BODY, "X-META")
        assert await answer(reader) == expected("PUT", "/second", BODY)
        assert await answer(reader) == expected("GET", "/third")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        await reader.readuntil(b"}")
        assert await answer(reader) == expected("GET", "/last")
        await sending
        writer.close()


async def test_a_long_body_is_taken_whole() -> None:
    body = bytes(range(256)) * (3 * LEAST_BYTES // 256)
    async with serving(mirror) as listener, asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        for _ in range(2):
            writer.write(head("/long", *H2C, "Expect: 100-continue", f"Content-Length: {len(body)}"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert await answer(reader) == expected("PUT", "/long", body)
        writer.close()


async def test_many_of_them_may_come_at_once() -> None:
    count = 1500
    async with serving(mirror) as listener, asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(head("/", *H2C, verb="GET") * count)
        for _ in range(count):
            assert await answer(reader) == expected("GET", "/")
        writer.close()


@pytest.mark.parametrize("target", ["example.org:443", "/path"])
async def test_a_tunnel_is_refused_and_nothing_behind_it_served(target: str) -> None:
    async with serving(mirror) as listener, asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(head(target, f"Content-Length: {len(BODY)}", verb="CONNECT"))
        writer.write(BODY)
        seen = await reader.read()
        writer.close()
    assert seen.startswith(b"HTTP/1.1 400 ")
    assert seen.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "broken", ["Transfer-Encoding: gzip", "Content-Length: 1\r\nTransfer-Encoding: chunked"]
)
async def test_what_is_refused_elsewhere_is_refused_here(broken: str) -> None:
    async with serving(mirror) as listener, asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(head("/", *H2C, broken) + BODY)
        seen = await reader.read()
        writer.close()
    assert seen.startswith(b"HTTP/1.1 400 ")
    assert seen.count(b"HTTP/1.1") == 1
