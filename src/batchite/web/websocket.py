"""WebSockets, of agents only. Importing this costs what few processes need."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

_REFUSAL = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Refuses a handshake that cannot be read; by itself uvicorn would wait for another one, for ever. Nor
    would it stop while a peer is closing its connection; and it logs an error where the application gives
    an answer in the place of a handshake.
    """

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()) or _REFUSAL)
            self.transport.close()

    def shutdown(self) -> None:
        try:
            super().shutdown()
        except InvalidState:  # the peer has closed, and may not read the rest
            self.transport.abort()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True
