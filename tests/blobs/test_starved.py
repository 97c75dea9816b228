"""Without file descriptors: what needs one is refused for the moment, and nothing is half done."""

import asyncio
from http import HTTPStatus

from azure.storage.blob.aio import ContainerClient
from tests.blobs import bearer
from tests.blobs.server import NAME, Server
from tests.starving import descriptors_left

BODY = bytes(range(256)) * 1024
"""Enough for a file of its own"""


class Connection:
    """One that is there before the descriptors are gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, verb: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str]]:
        """Status and headers; an answer's body has to be complete."""
        self._writer.write(
            f"{verb} /{NAME}/things{path}{'&' if '?' in path else '?'}{bearer.token()} HTTP/1.1\r\n"
            "Host: localhost\r\nx-ms-version: 2025-01-05\r\nx-ms-blob-type: BlockBlob\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        start, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        await self._reader.readexactly(int(headers["content-length"]))
        return int(start.split()[1]), headers


async def test_what_needs_a_file_is_refused_for_the_moment(
    container: ContainerClient, server: Server
) -> None:
    await container.upload_blob("large", BODY)
    await container.upload_blob("small", b"a row")
    reader, writer = await asyncio.open_connection(*server.address)
    connection = Connection(reader, writer)
    async with asyncio.timeout(60):
        assert (await connection.ask("GET", "/small"))[0] == HTTPStatus.OK
        with descriptors_left(0):
            for verb, path, body in (("PUT", "/new", BODY), ("GET", "/large", b""), ("PUT", "/large", BODY)):
                status, headers = await connection.ask(verb, path, body)
                assert (status, headers["x-ms-error-code"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "ServerBusy")
                assert int(headers["retry-after"]) > 0
            assert (await connection.ask("GET", "/small"))[0] == HTTPStatus.OK
            assert (await connection.ask("PUT", "/tiny", b"another row"))[0] == HTTPStatus.CREATED
        assert (await connection.ask("PUT", "/new", BODY))[0] == HTTPStatus.CREATED
    writer.close()
    assert [blob.name async for blob in container.list_blobs()] == ["large", "new", "small", "tiny"]
    for name in ("large", "new"):
        assert await (await container.download_blob(name)).readall() == BODY
    await server.content.settle()
    assert len(server.files.numbers()) == 2
