"""The service's end of the links: one WebSocket for each node agent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from batchite.link import framing
from batchite.link.messages import BlobService, FromAgent, Hello, Message, Run, Welcome

HEARTBEAT_SECONDS = 10.0
STALLED_SECONDS = 30.0
"""An agent that takes nothing for so long is not to be waited for any more."""
CLOSE_SECONDS = 1.0
RETRY_SECONDS = 1
"""After which an agent whose node another process answers for is asked to come again."""

log = logging.getLogger(__name__)


class StalledError(Exception):
    """The agent does not read what it is sent."""


Received = Callable[[str, list[FromAgent]], None]
Closed = Callable[[str], None]
BlobServiceNow = Callable[[], BlobService | None]
IsKnown = Callable[[str, bytes], Awaitable[bool]]


def hash_token(token: str) -> bytes:
    """What the store keeps of an agent's credential."""
    return hashlib.sha256(token.encode()).digest()


class Link:
    """An agent that is connected. Messages wait for the next turn of the loop and go in one frame."""

    def __init__(self, websocket: WebSocket, stalled: float) -> None:
        self._websocket = websocket
        self._stalled = stalled
        self._outbox: list[Message] = []
        self._filled = asyncio.Event()
        self.blob_service: BlobService | None = None
        """what the agent has been told of it"""

    def send(self, message: Message) -> None:
        self._outbox.append(message)
        self._filled.set()

    async def write(self) -> None:
        """Send what is in the outbox, until cancelled or the peer is gone. Raises StalledError."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            outbox, self._outbox = self._outbox, []
            for frame in framing.frames(outbox):
                await self._send(frame)

    async def _send(self, frame: bytes) -> None:
        try:
            async with asyncio.timeout(self._stalled):
                await self._websocket.send_bytes(frame)
        except TimeoutError:
            raise StalledError from None

    async def read(self) -> list[FromAgent]:
        """The next frame. Raises WebSocketDisconnect, or msgspec.DecodeError for what is no frame."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        return framing.from_agent.decode(message.get("bytes") or b"")  # text is no frame

    async def close(self) -> None:
        """Does not wait for a peer that does not read, nor mind one that is gone already."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._websocket.close()


class Links:
    """All links, by node id; knows which nodes may connect.

    `received` gets every frame in order, the `Hello` of a new connection included; `closed` is
    called when a node's link is gone and no newer one has taken its place. `is_known` is asked about
    nodes that may not connect here, and the hashes of their credentials: they may elsewhere, or later.
    An agent that is to run something hears first what `blob_service` says now, unless it has been told.
    """

    def __init__(
        self,
        received: Received,
        closed: Closed,
        is_known: IsKnown,
        *,
        stalled: float = STALLED_SECONDS,
        blob_service: BlobServiceNow = lambda: None,
    ) -> None:
        self._received = received
        self._stalled = stalled
        self._closed = closed
        self._is_known = is_known
        self._blob_service = blob_service
        self._told: BlobService | None = None
        """what those have been told that may be running something"""
        self._tokens: dict[str, bytes] = {}
        self._links: dict[str, Link] = {}

    def expect(self, node_id: str, token_hash: bytes) -> None:
        """From now on the node may connect with that credential."""
        self._tokens[node_id] = token_hash

    async def forget(self, node_id: str) -> None:
        """The node may not connect any more. Its agent is told to come again if the node is known, else
        to end itself."""
        self._tokens.pop(node_id, None)
        await self.drop(node_id)

    async def drop(self, node_id: str) -> None:
        """Close the link; the agent connects again and sends what was not acknowledged."""
        link = self._links.pop(node_id, None)
        if link is not None:
            await link.close()

    def send(self, node_id: str, message: Message) -> bool:
        """False if the node is not connected; what matters is sent again when it is."""
        link = self._links.get(node_id)
        if link is not None:
            if isinstance(message, Run):
                self._tell_blob_service(link)
            link.send(message)
        return link is not None

    def retell(self) -> None:
        """Whoever may be running something hears what has changed of what it was told of the Blob service."""
        now = self._blob_service()
        if now != self._told:
            self._told = now
            for link in self._links.values():
                if link.blob_service is not None:
                    self._tell_blob_service(link)

    def _tell_blob_service(self, link: Link) -> None:
        now = self._blob_service()
        if now is not None and now != link.blob_service:
            link.blob_service = now
            link.send(now)

    def is_connected(self, node_id: str) -> bool:
        return node_id in self._links

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: a WebSocket at any path that ends in `/{node id}/link`."""
        if scope["type"] != "websocket":
            await _refuse_plain_http(send)
            return
        websocket = WebSocket(scope, receive, send)
        parts = scope["path"].rstrip("/").rsplit("/", 2)
        node_id = parts[-2] if len(parts) == 3 and parts[-1] == "link" else ""
        token = bearer(websocket.headers.get("authorization", ""))
        match await self._judge(node_id, token):
            case "welcome":
                await websocket.accept()
                await self._serve(node_id, Link(websocket, self._stalled))
            case "later":
                await websocket.send_denial_response(_later())
            case "unwanted":
                await websocket.close()  # before the handshake: HTTP 403

    async def _judge(self, node_id: str, token: str) -> Literal["welcome", "later", "unwanted"]:
        if not token:
            return "unwanted"
        shown, expected = hash_token(token), self._tokens.get(node_id)
        if expected is not None and hmac.compare_digest(shown, expected):
            return "welcome"
        try:
            return "later" if await self._is_known(node_id, shown) else "unwanted"
        except Exception:
            log.warning("whether node %s is wanted cannot be told", node_id, exc_info=True)
            return "later"

    async def _serve(self, node_id: str, link: Link) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(link.write())
                await self._listen(node_id, link)
                writer.cancel()
        except* (WebSocketDisconnect, RuntimeError):
            log.debug("link of node %s closed", node_id)
        except* msgspec.DecodeError:
            log.warning("node %s sent a frame that cannot be read; its link is closed", node_id)
        except* StalledError:
            log.warning("node %s does not read what it is sent; its link is closed", node_id)
        finally:
            if self._links.get(node_id) is link:
                del self._links[node_id]
                self._closed(node_id)

    async def _listen(self, node_id: str, link: Link) -> None:
        """Returns if the first thing said is no `Hello`, or if the node may not connect any more by then."""
        frame = await link.read()
        if not frame or not isinstance(frame[0], Hello):
            return
        await self.drop(node_id)  # an older connection of the same agent
        if node_id not in self._tokens:
            return
        self._links[node_id] = link
        link.send(Welcome(HEARTBEAT_SECONDS))
        while self._links.get(node_id) is link:  # what was dropped is not listened to any more
            self._received(node_id, frame)
            frame = await link.read()


def bearer(authorization: str) -> str:
    """The credential that a header shows; empty if there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _later() -> Response:
    """An agent that is turned away by anything else ends itself."""
    return PlainTextResponse("Come again.", 503, {"Retry-After": str(RETRY_SECONDS)})


async def _refuse_plain_http(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"upgrade", b"websocket")]
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": b"Connect with a WebSocket."})
