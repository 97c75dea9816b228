"""The service is killed while a thousand puts are under way, twenty times: what it acknowledged stays.

The service runs as a process of its own; each put has a connection of its own, and all are open at once.
"""

import asyncio
import hashlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.blobs import bearer
from tests.blobs.server import NAME, Server, serving

from batchite.blobs.checking import check
from batchite.blobs.content.uploads import INLINE_BYTES

ROOT = Path(__file__).parents[2]
PUTS, KILLS = 1000, 20
PATIENCE = 300.0
"""Seconds until enough are acknowledged, which none is before a thousand connections have been made."""
SIZES = (10, 10_000, 20_000, 50_000)
TOKEN = bearer.token()


def content(name: str, attempt: int, size: int) -> bytes:
    seed = hashlib.sha256(f"{name} {attempt}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


@dataclass
class Put:
    """One blob that is stored again and again, each time with other content."""

    name: str
    size: int
    attempts: int = 0
    acknowledged: int = 0
    """the last attempt that was"""

    @property
    def possible(self) -> list[bytes]:
        """What may be read: what was acknowledged, or any later attempt."""
        attempts = range(max(self.acknowledged, 1), self.attempts + 1)
        return [content(self.name, attempt, self.size) for attempt in attempts]


@dataclass
class Round:
    """The puts of one life of the service; `enough` is set when this many have been acknowledged."""

    until: int
    acknowledged: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self) -> None:
        self.acknowledged += 1
        if self.acknowledged >= self.until:
            self.enough.set()


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verb: str, blob: str, body: bytes = b""
) -> tuple[int, bytes]:
    """Status and body."""
    head = f"{verb} /{NAME}/{blob}{'&' if '?' in blob else '?'}{TOKEN} HTTP/1.1\r\nHost: localhost\r\n"
    head += "x-ms-blob-type: BlockBlob\r\n" if verb == "PUT" else ""
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    status = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line for line in status.split("\r\n") if line.startswith("content-length:"))
    return int(status.split()[1]), await reader.readexactly(int(length.partition(":")[2]))


async def try_put(port: int, put: Put, life: Round) -> None:
    """Returns without an acknowledgement if the service dies."""
    put.attempts += 1
    body = content(put.name, put.attempts, put.size)
    try:
        async with connection(port) as (reader, writer):
            status, answer = await exchange(reader, writer, "PUT", f"things/{put.name}", body)
    except (OSError, EOFError):
        return
    assert status == 201, answer
    put.acknowledged = put.attempts
    life.count()


@dataclass
class Service:
    """Begins again as often as it is killed, without importing everything again."""

    program: asyncio.subprocess.Process
    _life: int = 0

    @classmethod
    @asynccontextmanager
    async def of(cls, data_dir: Path) -> AsyncIterator["Service"]:
        pipe = asyncio.subprocess.PIPE
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.blobs.crashing", str(data_dir),
            stdin=pipe, stdout=pipe, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/src"},
        )  # fmt: skip
        try:
            yield cls(program)
        finally:
            if program.stdin is not None:
                program.stdin.close()
            await program.wait()

    async def begin(self) -> int:
        """The port."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(b"\n")
        life, url = (await self.program.stdout.readline()).decode().split()
        self._life = int(life)
        return int(url.split(":")[2].partition("/")[0])

    def kill(self) -> None:
        os.kill(self._life, signal.SIGKILL)


async def read_back(port: int, puts: list[Put]) -> list[Put]:
    """Check that each is whole, or not there if it never was acknowledged. Returns those there are."""
    found = []
    async with connection(port) as (reader, writer):
        for put in puts:
            status, data = await exchange(reader, writer, "GET", f"things/{put.name}")
            if status == 404:
                assert not put.acknowledged, f"{put.name} was acknowledged, and is gone"
            else:
                assert status == 200
                assert data in put.possible, f"{put.name} is not what was put"
                found.append(put)
    return found


@pytest.mark.endurance
async def test_what_was_acknowledged_survives_twenty_kills(tmp_path: Path) -> None:
    dice = random.Random()  # noqa: S311
    puts = [Put(f"blob-{number}", dice.choice(SIZES)) for number in range(PUTS)]
    async with Service.of(tmp_path) as service:
        for kill in range(KILLS):
            port = await service.begin()
            if kill == 0:
                async with connection(port) as (reader, writer):
                    assert (await exchange(reader, writer, "PUT", "things?restype=container"))[0] == 201
            await read_back(port, dice.sample(puts, 20))
            life = Round(until=dice.randint(1, PUTS // 3))
            async with asyncio.TaskGroup() as group:
                for put in puts:
                    group.create_task(try_put(port, put, life))
                async with asyncio.timeout(PATIENCE):
                    await life.enough.wait()
                service.kill()
    async with serving(tmp_path) as server:
        port = server.address[1]
        found = await read_back(port, puts)
        assert len(found) >= sum(put.acknowledged > 0 for put in puts) > 0
        await check_content(server, found)


async def check_content(server: Server, puts: list[Put]) -> None:
    """That there is nothing but the content of these."""
    report = await check(server.database, server.files, lambda _: None)
    assert (report.damages, report.leftovers) == ((), 0)
    assert report.contents == len(puts)
    assert len(server.files.numbers()) == sum(put.size > INLINE_BYTES for put in puts)
