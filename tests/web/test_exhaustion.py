"""What a service that has run out of something answers: that it is busy, and nothing of a mistake."""

import asyncio
import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from tests.starving import descriptors_left
from tests.web.connections import Run, serving

from batchite.web import exhaustion
from batchite.web.exhaustion import DESCRIPTORS, DISK, MEMORY, RESERVED_DESCRIPTORS, THREADS, lacking

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def no_descriptor(_: Path) -> object:
    with descriptors_left(0):
        return os.open(os.devnull, os.O_RDONLY)


def no_database(place: Path) -> object:
    engine = sa.create_engine(f"sqlite:///{place}/some.db")
    with descriptors_left(0):
        return engine.connect()


def no_turn(place: Path) -> object:
    engine = sa.create_engine(f"sqlite:///{place}/some.db", connect_args={"timeout": 0})
    holder = sqlite3.connect(place / "some.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql("CREATE TABLE some (one)")
    finally:
        holder.close()
        engine.dispose()


def no_room_in_a_database(_: Path) -> object:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE some (one)")
        connection.exec_driver_sql("PRAGMA max_page_count = 2")
        return connection.exec_driver_sql("INSERT INTO some VALUES (zeroblob(100000))")


def no_room_on_a_disk(_: Path) -> object:
    with Path("/dev/full").open("wb", buffering=0) as disk:
        return disk.write(b"x")


def no_memory(_: Path) -> object:
    return bytearray(2**60)


def no_thread(_: Path) -> object:
    before = threading.stack_size(2**46)
    try:
        return threading.Thread(target=print).start()
    finally:
        threading.stack_size(before)


SHORTAGES: dict[Callable[[Path], object], str] = {
    no_descriptor: DESCRIPTORS,
    no_database: "what its database needs to be opened",
    no_turn: "turns at its database",
    no_room_in_a_database: DISK,
    no_room_on_a_disk: DISK,
    no_memory: MEMORY,
    no_thread: THREADS,
}


@pytest.mark.parametrize("fail", SHORTAGES)
async def test_a_shortage_is_told_from_a_mistake(
    fail: Callable[[Path], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        fail(tmp_path)

    async with serving(app) as listener, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        writer.close()
    [record] = caplog.records
    assert SHORTAGES[fail] in record.message
    assert record.exc_info is None


@pytest.mark.parametrize(
    "error", [OSError(errno.EPERM, "no"), FileNotFoundError(), RuntimeError("no"), ValueError(), None]
)
def test_other_failures_are_no_shortage(error: Exception | None) -> None:
    assert lacking(error) is None


def test_the_last_descriptors_are_not_for_connections(run: Run) -> None:
    """Whoever is connected is served; whoever comes is told to come again."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("served")(scope, receive, send)

    async def ask(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
        streams[1].write(GET)
        return await streams[0].readuntil(b"\r\n\r\n")

    async def test() -> None:
        async with serving(app) as listener:
            early = await asyncio.open_connection(*listener.address)
            assert (await ask(early)).startswith(b"HTTP/1.1 200 ")
            with descriptors_left(RESERVED_DESCRIPTORS):
                late = await asyncio.open_connection(*listener.address)
                refused = await ask(late)
                assert refused.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nconnection: close\r\n" in refused
                assert b'"error":"Unavailable"' in await late[0].read()
                await early[0].readexactly(len("served"))
                assert (await ask(early)).startswith(b"HTTP/1.1 200 ")
            again = await asyncio.open_connection(*listener.address)
            assert (await ask(again)).startswith(b"HTTP/1.1 200 ")
            for streams in (early, late, again):
                streams[1].close()

    run(test())


def test_few_descriptors_are_not_all_reserved() -> None:
    with descriptors_left(0):
        assert not exhaustion.is_reserved(3)
