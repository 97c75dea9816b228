"""Answers with stretches of files, read by clients of sockets."""

import asyncio
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.web.conftest import DEADLINE
from tests.web.connections import Run, encrypted, serving

from batchite.web import zerocopy
from batchite.web.listener import Listener
from batchite.web.zerocopy import EXTENSION

MIB = 1024 * 1024
DATA = Random(7).randbytes(12 * MIB)  # noqa: S311

Part = bytes | tuple[int, int]
"""Bytes, or an offset into the file and a number of bytes."""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "data").write_bytes(DATA)
    descriptor = os.open(tmp_path / "data", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def stretch(file: int, offset: int, count: int, *, more: bool = True) -> Message:
    return {"type": EXTENSION, "file": file, "offset": offset, "count": count, "more_body": more}


def start(length: int) -> Message:
    headers = [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def whole(file: int, size: int = len(DATA), done: Callable[[], None] = lambda: None) -> ASGIApp:
    """Answers everything with the file; calls `done` when nothing more will be sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(size))
        try:
            await send(stretch(file, 0, size, more=False))
        finally:
            done()

    return app


def connected(listener: Listener, *, room: int | None = None) -> socket.socket:
    """A connection on which the file has been asked for; `room` is what the system keeps for a reader."""
    client = socket.socket()
    if room is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    client.connect(listener.address)
    client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    client.setblocking(False)
    return client


async def read(client: socket.socket, size: int) -> bytes:
    """So many bytes of a body; less if the connection ends."""
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def plan(random: Random) -> list[Part]:
    """Parts of an answer, short and long, in any order."""
    parts: list[Part] = []
    for _ in range(random.randrange(6)):
        start, size = random.randrange(len(DATA)), random.choice([0, 1, 100, 70_000, 3 * MIB])
        count = min(random.randrange(size + 1), len(DATA) - start)
        parts.append(DATA[start : start + min(count, MIB)] if random.random() < 0.4 else (start, count))
    return parts


def expected(parts: Sequence[Part]) -> bytes:
    return b"".join(part if isinstance(part, bytes) else DATA[part[0] : sum(part)] for part in parts)


@pytest.mark.parametrize("pipelined", [False, True])
def test_answers_on_one_connection_arrive_byte_for_byte(run: Run, file: int, pipelined: bool) -> None:
    random = Random(11)  # noqa: S311
    plans = [plan(random) for _ in range(40)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        parts = plans[int(scope["path"][1:])]
        assert EXTENSION in scope["extensions"]
        await send(start(len(expected(parts))))
        for part in parts:
            if isinstance(part, bytes):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            else:
                await send(stretch(file, *part))
        await send({"type": "http.response.body"})

    async def test() -> None:
        async with serving(app) as listener:
            reader, writer = await asyncio.open_connection(*listener.address)
            requests = [f"GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for number in range(len(plans))]
            if pipelined:
                writer.write(b"".join(requests))
            for parts, request in zip(plans, requests, strict=True):
                if not pipelined:
                    writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(len(expected(parts)))
                assert head.startswith(b"HTTP/1.1 200 OK\r\n")
                assert body == expected(parts)
            writer.close()

    run(test())


def test_slow_readers_hold_no_thread(run: Run, file: int) -> None:
    """There are more of them than the event loop has threads, and another one is served at once."""

    async def test() -> None:
        async with serving(whole(file)) as listener:
            slow = [connected(listener, room=4096) for _ in range(2 * (os.cpu_count() or 1) + 10)]
            assert await read(connected(listener), len(DATA)) == DATA
            assert await read(slow.pop(), len(DATA)) == DATA
            for client in slow:
                client.close()

    run(test())


@pytest.mark.parametrize("abruptly", [False, True])
def test_a_reader_that_leaves_ends_the_answer(
    run: Run, file: int, caplog: pytest.LogCaptureFixture, abruptly: bool
) -> None:
    async def test() -> None:
        ended, left_open = asyncio.Event(), []
        for _ in range(3):
            async with serving(whole(file, done=ended.set)) as listener:
                client = connected(listener, room=4096)
                await asyncio.get_running_loop().sock_recv(client, 1)
                if abruptly:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                await ended.wait()
                ended.clear()
            left_open.append(descriptors())
        assert left_open[2] <= left_open[0]

    run(test())
    assert not caplog.records


def test_stopping_lets_an_answer_come_to_its_end(run: Run, file: int) -> None:
    async def test() -> None:
        async with serving(whole(file)) as listener:
            client = connected(listener, room=4096)
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b"H"
            stopping = asyncio.create_task(listener.stop())
            assert await read(client, len(DATA)) == DATA
            await stopping

    run(test())


def test_an_answer_that_is_cancelled_ends_its_connection(run: Run, file: int) -> None:
    """Which would go on if another descriptor of it were left open."""

    async def test() -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start(len(DATA)))
            sending = asyncio.ensure_future(send(stretch(file, 0, len(DATA))))
            await started.wait()
            sending.cancel()
            await asyncio.wait([sending])
            assert sending.cancelled()
            cancelled.set()

        async with serving(app) as listener:
            client = connected(listener, room=4096)
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b"H"
            started.set()
            await cancelled.wait()
            assert len(await read(client, len(DATA))) < len(DATA)

    run(test())


def test_a_cancelled_answer_waits_for_the_thread_that_still_sends(
    run: Run, file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its descriptor would else be closed under the thread's hands, and soon be another connection's."""
    sending, may_end = threading.Event(), threading.Event()
    open_at_the_end: list[bool] = []

    def turn(out: int, _file: int, _offset: int, count: int) -> tuple[int, bytes]:
        sending.set()
        may_end.wait(DEADLINE)
        open_at_the_end.append(stat.S_ISSOCK(os.fstat(out).st_mode))
        return count, b""

    monkeypatch.setattr(zerocopy, "_turn", turn)

    async def test() -> None:
        over = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start(len(DATA)))
            answer = asyncio.ensure_future(send(stretch(file, 0, len(DATA))))
            await asyncio.to_thread(sending.wait, DEADLINE)
            answer.cancel()
            asyncio.get_running_loop().call_later(0.01, may_end.set)
            await asyncio.wait([answer])
            over.set()

        async with serving(app) as listener:
            client = connected(listener)
            await over.wait()
            client.close()

    run(test())
    assert open_at_the_end == [True]


@pytest.mark.parametrize("offset", [0, len(DATA) - 10, len(DATA), 2 * len(DATA)])
def test_a_file_that_is_too_short_breaks_the_connection_off(run: Run, file: int, offset: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(len(DATA) + 1))
        await send(stretch(file, offset, len(DATA) + 1, more=False))

    async def test() -> None:
        async with serving(app) as listener:
            assert await read(connected(listener), len(DATA) + 1) == DATA[offset:]

    run(test())


def test_no_more_is_sent_than_was_promised(run: Run, file: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(10))
        await send({"type": "http.response.body", "body": b"12345", "more_body": True})
        with pytest.raises(RuntimeError, match="Content-Length"):
            await send(stretch(file, 0, 6))
        await send(stretch(file, 0, 5, more=False))

    async def test() -> None:
        async with serving(app) as listener:
            assert await read(connected(listener), 10) == b"12345" + DATA[:5]

    run(test())


def test_it_is_not_offered_where_bytes_are_encrypted(run: Run) -> None:
    server, client = encrypted()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        offered = b"1" if EXTENSION in scope.get("extensions", {}) else b"0"
        await send(start(1))
        await send({"type": "http.response.body", "body": offered})

    async def test() -> None:
        async with serving(app, server) as listener:
            reader, writer = await asyncio.open_connection(*listener.address, ssl=client)
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(1) == b"0"
            writer.close()

    run(test())
