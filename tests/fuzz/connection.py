"""One keep-alive connection: what is sent on it, and the answers that come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.fuzz.request import Sent


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.status == 101 or "close" in self.headers.get("connection", "").lower()


class ClosedError(Exception):
    """The service ended the connection before an answer was complete."""


class NoAnswerError(Exception):
    """What came is no HTTP answer."""


class Connection:
    """Opened when it is needed, and again when it has ended."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, sent: Sent) -> list[Answer]:
        """The answers, fewer where the service closed the connection. Raises NoAnswerError."""
        answers: list[Answer] = []
        reader, writer = self._streams or await asyncio.open_connection(*self._address, limit=1 << 20)
        self._streams = (reader, writer)
        stays = not sent.ends
        try:
            for piece in sent.pieces:
                writer.write(piece)
                await writer.drain()
            if sent.ends:
                writer.write_eof()
            for verb in sent.verbs:
                answer = await _read(reader, verb)
                answers.append(answer)
                if answer.is_last:
                    raise ClosedError
        except (ClosedError, OSError):
            stays = False
        finally:
            if not stays or len(answers) != len(sent.verbs):
                await self.close()
        return answers

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, verb: str) -> Answer:
    while True:
        status, headers = await _read_head(reader)
        if status != 100:
            return Answer(status, headers, await _read_body(reader, verb, status, headers))


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise NoAnswerError(repr(end.partial[:200])) from None
        raise ClosedError from None
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    words = first.split(" ", 2)
    if words[0] != "HTTP/1.1" or not words[1:2] or not words[1].isdigit():
        raise NoAnswerError(first[:200])
    return int(words[1]), {
        name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)
    }


async def _read_body(
    reader: asyncio.StreamReader, verb: str, status: int, headers: Mapping[str, str]
) -> bytes:
    if verb == "HEAD" or status in (101, 204, 304):
        return b""
    try:
        if "chunked" in headers.get("transfer-encoding", ""):
            return await _read_chunks(reader)
        if "content-length" in headers:
            return await reader.readexactly(int(headers["content-length"]))
        return await reader.read()
    except asyncio.IncompleteReadError as end:
        raise NoAnswerError(f"{status}, cut off after {len(end.partial)} bytes of body") from None


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body
