"""Long bodies, which go around the parser, on connections that are used for more."""

import asyncio
import gc
import hashlib
import json
import weakref
from contextlib import suppress
from random import Random

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send
from tests.web.connections import Run, encrypted, serving

from batchite.web.bodies import LEAST_BYTES
from batchite.web.buffers import BUFFER_BYTES, KEPT_BUFFERS, MOST_BUFFERS, Buffers
from batchite.web.problems import ClientGone
from batchite.web.request import BODY_KEY, Incoming

MIB = 1024 * 1024
DATA = Random(8).randbytes(9 * MIB)  # noqa: S311

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def digest(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body's length and checksum, and whether it came in views."""
    seen, views = hashlib.sha256(), False
    size = 0
    async for block in Incoming(scope, receive).blocks():
        seen.update(block)
        size += len(block)
        views = views or isinstance(block, memoryview)
    await JSONResponse([size, seen.hexdigest(), views])(scope, receive, send)


def put(size: int, *headers: str) -> bytes:
    lines = (f"PUT /{size} HTTP/1.1", "Host: h", f"Content-Length: {size}", *headers, "", "")
    return "\r\n".join(lines).encode()


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return await reader.readexactly(int(length.removeprefix(b"content-length: ")))


def expected(size: int, *, views: bool) -> list[object]:
    return [size, hashlib.sha256(DATA[:size]).hexdigest(), views]


SIZES = [0, 1, LEAST_BYTES - 1, 3 * LEAST_BYTES, BUFFER_BYTES, 3 * MIB + 7, len(DATA), 5, 2 * MIB, 2 * MIB]


def test_requests_on_one_connection_are_told_apart(run: Run) -> None:
    """However their bytes are cut as they come: several requests at once, and parts of one."""
    stream = b"".join(put(size) + DATA[:size] for size in SIZES)

    async def send(writer: asyncio.StreamWriter, most: int) -> None:
        random, at = Random(most), 0  # noqa: S311
        while at < len(stream):
            size = random.randrange(1, most)
            writer.write(stream[at : at + size])
            await writer.drain()
            at += size

    async def test() -> None:
        async with serving(digest) as listener:
            for most in (50_000, 2 * MIB, 2 * len(stream)):
                reader, writer = await asyncio.open_connection(*listener.address)
                sending = asyncio.create_task(send(writer, most))
                for size in SIZES:
                    seen = json.loads(await answer(reader))
                    assert seen[:2] == expected(size, views=True)[:2]
                    assert seen[2] or size < 2 * MIB
                await sending
                writer.close()

    run(test())


def test_a_body_without_a_length_goes_the_ordinary_way(run: Run) -> None:
    async def test() -> None:
        async with serving(digest) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(DATA), MIB):
                writer.write(b"%x\r\n%b\r\n" % (MIB, DATA[at : at + MIB]))
            writer.write(b"0\r\n\r\n")
            assert json.loads(await answer(reader)) == expected(len(DATA), views=False)
            writer.close()

    run(test())


def test_who_waits_for_a_word_gets_it_first(run: Run) -> None:
    async def test() -> None:
        async with serving(digest) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            for _ in range(2):
                writer.write(put(len(DATA), "Expect: 100-continue"))
                assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                writer.write(DATA)
                assert json.loads(await answer(reader)) == expected(len(DATA), views=True)
            writer.close()

    run(test())


def test_what_is_held_is_not_overwritten(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        held = [block async for block in Incoming(scope, receive).blocks()]
        assert b"".join(held) == DATA
        await PlainTextResponse("held")(scope, receive, send)

    async def test() -> None:
        async with serving(app) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(put(len(DATA)) + DATA)
            assert await answer(reader) == b"held"
            writer.close()

    run(test())


def test_what_is_not_wanted_is_dropped_and_the_connection_kept(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        blocks = Incoming(scope, receive).blocks()
        assert scope["path"] == f"/{len(DATA)}"
        while not isinstance(await anext(blocks), memoryview):
            pass
        await PlainTextResponse("enough")(scope, receive, send)

    async def test() -> None:
        async with serving(app) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            for _ in range(3):
                writer.write(put(len(DATA)) + DATA[: 4 * MIB])
                assert await answer(reader) == b"enough"
                writer.write(DATA[4 * MIB :])
            writer.close()

    run(test())


@pytest.mark.parametrize("sent", [1, LEAST_BYTES, 4 * MIB])
def test_a_client_that_leaves_is_noticed(run: Run, sent: int) -> None:
    async def test() -> None:
        noticed = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                async for _ in Incoming(scope, receive).blocks():
                    pass
            except ClientGone:
                noticed.set()
                raise

        async with serving(app) as listener:
            _, writer = await asyncio.open_connection(*listener.address)
            writer.write(put(len(DATA)) + DATA[:sent])
            await writer.drain()
            writer.close()
            await noticed.wait()

    run(test())


@pytest.mark.parametrize("sent", [1, LEAST_BYTES, 4 * MIB])
def test_nothing_of_a_request_outlives_its_connection(run: Run, sent: int) -> None:
    """Not even until garbage is collected, which may be long after memory has run out."""
    alive: set[weakref.ref[object]] = set()
    freed = asyncio.Event()

    def free(reference: weakref.ref[object]) -> None:
        alive.remove(reference)
        if not alive:
            freed.set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Incoming(scope, receive)
        cycle, protocol = getattr(receive, "__self__", None), getattr(scope[BODY_KEY], "__self__", None)
        assert cycle is not None
        assert protocol is not None
        alive.update(weakref.ref(one, free) for one in (request, cycle, protocol))
        async for _ in request.blocks():
            pass

    async def test() -> None:
        async with serving(app) as listener:
            _, writer = await asyncio.open_connection(*listener.address)
            writer.write(put(len(DATA)) + DATA[:sent])
            await writer.drain()
            writer.close()
            await freed.wait()

    gc.collect()
    gc.disable()
    try:
        run(test())
    finally:
        gc.enable()


@pytest.mark.parametrize("sent", [1, LEAST_BYTES, 4 * MIB])
def test_a_client_that_falls_silent_within_a_body_is_cut_off(run: Run, sent: int) -> None:
    """One that is held up while it sends is, too, and may hear of it by a reset alone."""

    async def test() -> None:
        seen = b""
        async with serving(digest, body_seconds=0.05) as listener:
            while not seen:
                reader, writer = await asyncio.open_connection(*listener.address)
                with suppress(ConnectionError):
                    writer.write(put(len(DATA)) + DATA[:sent])
                    seen = await reader.read()
                writer.close()
        assert seen.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b'"error":"BodyIncomplete"' in seen

    run(test())


def test_silence_after_the_answer_is_the_end(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("enough")(scope, receive, send)

    async def test() -> None:
        async with serving(app, body_seconds=0.05) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(put(10) + b"123")
            assert await answer(reader) == b"enough"
            assert await reader.read() == b""
            writer.close()

    run(test())


def test_a_client_is_not_silent_while_nobody_listens(run: Run) -> None:
    """The second one is cut off, so the first has been looked at meanwhile."""
    listening, go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == f"/{len(DATA)}":
            blocks = Incoming(scope, receive).blocks()
            while not isinstance(await anext(blocks), memoryview):
                pass
            listening.set()
            await go_on.wait()
            async for _ in blocks:
                pass
            await PlainTextResponse("all")(scope, receive, send)
        else:
            await digest(scope, receive, send)

    async def test() -> None:
        async with serving(app, body_seconds=0.25) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(put(len(DATA)) + DATA)
            await listening.wait()
            for _ in range(2):
                silent = await asyncio.open_connection(*listener.address)
                silent[1].write(put(10) + b"123")
                assert (await silent[0].read()).startswith(b"HTTP/1.1 400 ")
                silent[1].close()
            go_on.set()
            assert await answer(reader) == b"all"
            writer.close()

    run(test())


def test_buffers_are_used_again_and_only_some_of_them_kept() -> None:
    kept = KEPT_BUFFERS // MOST_BUFFERS
    bodies = [Buffers() for _ in range(kept + 1)]
    views = [memoryview(buffers.take()) for buffers in bodies for _ in range(MOST_BUFFERS + 1)]
    assert len({id(view.obj) for view in views}) == len(views)
    for buffers in bodies:
        buffers.leave()
    made = [weakref.ref(view.obj) for view in views]
    views.clear()
    assert sum(reference() is not None for reference in made) == KEPT_BUFFERS
    one = Buffers()
    first = memoryview(one.take())
    assert any(reference() is first.obj for reference in made)
    second = memoryview(one.take())
    assert second.obj is not first.obj
    before = id(first.obj)
    del first
    assert id(one.take()) == before


def test_encrypted_bodies_go_the_ordinary_way(run: Run) -> None:
    server, client = encrypted()

    async def test() -> None:
        async with serving(digest, server) as listener:
            reader, writer = await asyncio.open_connection(*listener.address, ssl=client)
            writer.write(put(len(DATA)) + DATA)
            assert json.loads(await answer(reader)) == expected(len(DATA), views=False)
            writer.close()

    run(test())
