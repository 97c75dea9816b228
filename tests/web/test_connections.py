"""What a connection makes of clients that stop sending, and of what comes behind a body."""

import asyncio
import json

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send
from tests.web.connections import Run, serving

from batchite.web.bodies import LEAST_BYTES
from batchite.web.protocol import MAX_HEAD_BYTES
from batchite.web.request import Incoming

CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


async def names(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body and the names of the headers, looked at after it has come."""
    size = sum([len(piece) async for piece in Incoming(scope, receive).blocks()])
    await JSONResponse([size, sorted(Incoming(scope, receive).headers)])(scope, receive, send)


@pytest.mark.parametrize("size", [0, 5, 2 * LEAST_BYTES])
def test_who_sends_no_more_gets_all_answers(run: Run, size: int) -> None:
    """However many were asked for, and however long they take."""
    going = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        body = [piece async for piece in Incoming(scope, receive).blocks()]
        await going.wait()
        await PlainTextResponse(f"{scope['path']} {sum(map(len, body))}")(scope, receive, send)

    async def test() -> None:
        async with serving(slow) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            for path in ("first", "second", "third"):
                head = f"POST /{path} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
                writer.write(head.encode() + b"x" * size)
            writer.write_eof()
            going.set()
            seen = await reader.read()
            writer.close()
        assert [part.rpartition(b"\n")[2] for part in seen.split(b"HTTP/1.1")] == [
            b"",
            *(f"/{path} {size}".encode() for path in ("first", "second", "third")),
        ]

    run(test())


def test_who_sends_no_more_and_waits_for_nothing_is_left(run: Run) -> None:
    async def test() -> None:
        async with serving(names) as listener:
            for started in (b"", b"GET / HTTP/1.1\r\n", CHUNKED + b"5\r\nabc"):
                reader, writer = await asyncio.open_connection(*listener.address)
                writer.write(started)
                writer.write_eof()
                assert await reader.read() == b""
                writer.close()

    run(test())


def test_trailers_are_no_headers(run: Run) -> None:
    async def test() -> None:
        async with serving(names) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(CHUNKED + b"3\r\nabc\r\n0\r\nX-Secret: 1\r\nHost: other\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            seen = await reader.read()
            writer.close()
        bodies = [json.loads(part.rpartition(b"\n")[2]) for part in seen.split(b"HTTP/1.1")[1:]]
        assert bodies == [[3, ["host", "transfer-encoding"]], [0, ["connection", "host"]]]

    run(test())


@pytest.mark.parametrize("trailer", [b"x-many: 1\r\n", b"x"], ids=["many", "long"])
@pytest.mark.parametrize("answered", [False, True])
def test_trailers_without_end_are_cut_off(run: Run, trailer: bytes, answered: bool) -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("no")(scope, receive, send)

    async def test() -> None:
        async with serving(refuse if answered else names) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(CHUNKED + b"3\r\nabc\r\n0\r\nx-long: ")
            end = asyncio.create_task(reader.read())
            sent = 0
            while not end.done() and sent < 100 * MAX_HEAD_BYTES:
                writer.write(trailer * 8192)
                sent += len(trailer) * 8192
                try:
                    await writer.drain()
                except ConnectionError:
                    break
                await asyncio.sleep(0)  # it is the server's turn, however much the kernel would still take
            assert sent < 20 * MAX_HEAD_BYTES
            await asyncio.wait([end])
            assert isinstance(end.exception(), ConnectionError) or b"HTTP/1.1 " in end.result()
            writer.close()

    run(test())
