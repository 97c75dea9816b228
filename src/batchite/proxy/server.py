"""The proxy on a socket that listens."""

from __future__ import annotations

import asyncio
import socket

from batchite.proxy.connection import Connection, Leading

GRACE_SECONDS = 1.0
"""In which what clients have sent last goes on its way."""


class Server:
    """Serves whoever connects, once it is started."""

    def __init__(self, leading: Leading, listening: socket.socket) -> None:
        self._leading = leading
        self._listening = listening
        self._open: set[Connection] = set()
        self._gone = asyncio.Event()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=self._listening)

    async def stop(self) -> None:
        """Nobody is served any more; connections that are open end by themselves, or are ended."""
        self._server.close()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                while self._open:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            for connection in self._open:
                connection.transport.abort()

    def _connection(self) -> Connection:
        connection = Connection(self._leading, self._closed)
        self._open.add(connection)
        return connection

    def _closed(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._gone.set()


async def serve(leading: Leading, listening: socket.socket, ended: int) -> None:
    """Until the descriptor `ended` can be read."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(ended, over.set)
    server = Server(leading, listening)
    await server.start()
    await over.wait()
    loop.remove_reader(ended)
    await server.stop()
