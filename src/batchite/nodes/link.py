"""The agent's side of the link: one WebSocket, made again whenever it breaks.

What is sent within one turn of the loop travels in one frame. What is sent while there is no link
is dropped: reports are kept elsewhere and told again, and answers belong to the link they were
asked on.
"""

from __future__ import annotations

import asyncio
import random
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from batchite.link import framing
from batchite.link.messages import FromAgent, Heartbeat, Hello, ToAgent, Welcome

CONNECT_SECONDS = 10.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
_LINGER_SECONDS = 0.004
_MESSAGES_PER_FRAME = 2000
_SILENT_HEARTBEATS = 4
_REDIRECTS = 5
_REDIRECTED = (301, 302, 303, 307, 308)
_LATER = 503
_UNWANTED = (401, 403, 410)


class UnwantedError(Exception):
    """The service does not want this node any more."""


class _RedirectedError(Exception):
    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


class _LaterError(ConnectionRefusedError):
    """The service knows the node and asks its agent to come again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the service answered {_LATER}")
        self.seconds = seconds


class Receiver(Protocol):
    """Who the link works for."""

    def hello(self, address: str) -> Hello:
        """The first message of a connection that begins at this address of the node."""
        ...

    def welcomed(self) -> list[FromAgent]:
        """The link may be used; what must be told (again) first."""
        ...

    def received(self, message: ToAgent) -> None: ...


class Link:
    """Keeps the connection to `url` (ws or wss); `answered` is the loop time of its last sign of life, and
    `up` is set while the service takes what is sent."""

    def __init__(self, service_url: str, node_id: str, token: str, receiver: Receiver) -> None:
        self._url = websocket_url(f"{service_url.rstrip('/')}/-/nodes/{node_id}/link")
        self._token = token
        self._receiver = receiver
        self._loop = asyncio.get_running_loop()
        self._connection: _Connection | None = None
        self._pause = _FIRST_PAUSE
        self.up = asyncio.Event()
        self.answered = self._loop.time()

    def send(self, message: FromAgent, soon: bool = True) -> None:
        """Not `soon`: wait a few milliseconds for more to say."""
        if self._connection is not None:
            self._connection.send(message, soon)

    async def keep(self) -> None:
        """Stay connected until cancelled. Raises UnwantedError when the service turns the node away."""
        while True:
            asked = 0.0
            try:
                await self._connect_and_stay()
            except _LaterError as later:
                asked = later.seconds
            except (OSError, TimeoutError, InvalidHandshake):
                pass
            pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnects
            if asked:  # whoever it is that answers for the node now may be the next that is asked
                await asyncio.sleep(asked + pause)
            else:
                await asyncio.sleep(pause)
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _connect_and_stay(self) -> None:
        url = self._url
        for _ in range(_REDIRECTS):
            try:
                await self._stay(url)
            except _RedirectedError as redirected:
                url = redirect(url, redirected.target)
            else:
                return

    async def _stay(self, url: str) -> None:
        address = parse_uri(url)
        _, connection = await asyncio.wait_for(
            self._loop.create_connection(
                lambda: _Connection(self, url),
                address.host,
                address.port,
                ssl=True if address.secure else None,
            ),
            CONNECT_SECONDS,
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.opened
            await connection.closed
        finally:
            self._connection = None
            self.up.clear()
            connection.abort()

    # what a connection asks of its link

    @property
    def authorization(self) -> str:
        return f"Bearer {self._token}"

    def heard(self) -> None:
        self.answered = self._loop.time()

    def hello(self, address: str) -> Hello:
        return self._receiver.hello(address)

    def welcomed(self, connection: _Connection) -> list[FromAgent]:
        self._connection = connection
        self.up.set()
        self._pause = _FIRST_PAUSE
        return self._receiver.welcomed()

    def received(self, message: ToAgent) -> None:
        self._receiver.received(message)


class _Connection(asyncio.Protocol):
    """One WebSocket: bytes to messages and back, by the protocol machine of `websockets`."""

    _transport: asyncio.Transport

    def __init__(self, link: Link, url: str) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._machine = ClientProtocol(parse_uri(url), max_size=framing.MAX_FRAME_BYTES)
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._ready = False
        self._outbox: list[FromAgent] = []
        self._flushing: asyncio.Handle | None = None
        self._lingering = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._parts: list[bytes] = []
        self._beat: asyncio.TimerHandle | None = None
        self._unanswered = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        self._transport = transport
        request = self._machine.connect()
        request.headers["Authorization"] = self._link.authorization
        self._machine.send_request(request)
        self._write()

    def data_received(self, data: bytes) -> None:
        self._link.heard()
        self._unanswered = 0
        self._machine.receive_data(data)
        for event in self._machine.events_received():
            if isinstance(event, Response):
                self._answer(event)
            elif isinstance(event, Frame):
                self._frame(event)
        if self._machine.handshake_exc is not None:
            self._refuse(self._machine.handshake_exc)
        self._write()

    def eof_received(self) -> None:
        self._machine.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._beat, self._flushing):
            if timer is not None:
                timer.cancel()
        self._ready = False
        self._outbox.clear()
        self._writable.set()
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError("the service closed the connection"))
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._flush()

    # for the link

    def abort(self) -> None:
        self._transport.abort()

    def send(self, message: FromAgent, soon: bool) -> None:
        if not self._ready:
            return
        self._outbox.append(message)
        if soon and (self._flushing is None or self._lingering):
            if self._flushing is not None:
                self._flushing.cancel()
            self._flushing, self._lingering = self._loop.call_soon(self._flush), False
        elif self._flushing is None:
            self._flushing, self._lingering = self._loop.call_later(_LINGER_SECONDS, self._flush), True

    # opening

    def _answer(self, response: Response) -> None:
        if self._machine.state is not State.OPEN or self.opened.done():
            return
        self.opened.set_result(None)
        own, *_ = self._transport.get_extra_info("sockname")
        self._machine.send_binary(framing.encode([self._link.hello(own.partition("%")[0])]))

    def _refuse(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(_refusal(error))
        self._transport.abort()

    # frames

    def _frame(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.BINARY, Opcode.CONT):
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            content, self._parts = b"".join(self._parts), []
            for message in framing.to_agent.decode(content):
                self._message(message)

    def _message(self, message: ToAgent) -> None:
        if isinstance(message, Welcome):
            self._welcome(message)
        self._link.received(message)

    def _welcome(self, message: Welcome) -> None:
        if self._ready:
            return
        self._ready = True
        for known in self._link.welcomed(self):
            self.send(known, True)
        self._schedule_beat(message.heartbeat_seconds)

    def _schedule_beat(self, seconds: float) -> None:
        self._beat = self._loop.call_later(seconds, self._heartbeat, seconds)

    def _heartbeat(self, seconds: float) -> None:
        """Say that the agent is there, and ask by a ping whether the service still is.

        Beats are counted rather than seconds: an agent that was held up itself has not been
        listening either.
        """
        if self._unanswered >= _SILENT_HEARTBEATS:
            self.abort()
            return
        self._unanswered += 1
        self.send(Heartbeat(), True)
        if self._machine.state is State.OPEN:
            self._machine.send_ping(b"")
        self._write()
        self._schedule_beat(seconds)

    # writing

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
        self._flushing = None
        while self._outbox and self._writable.is_set() and self._machine.state is State.OPEN:
            batch, self._outbox = self._outbox[:_MESSAGES_PER_FRAME], self._outbox[_MESSAGES_PER_FRAME:]
            for frame in framing.frames(batch):
                self._machine.send_binary(frame)
            self._write()

    def _write(self) -> None:
        for data in self._machine.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()


def _refusal(error: Exception) -> Exception:
    if isinstance(error, InvalidStatus):
        status, headers = error.response.status_code, error.response.headers
        location, after = headers.get("Location"), headers.get("Retry-After")
        if status in _UNWANTED:
            return UnwantedError(f"the service answered {status}")
        if status in _REDIRECTED and location:
            return _RedirectedError(location)
        if status == _LATER and after is not None and after.isascii() and after.isdecimal():
            return _LaterError(min(int(after), _LONGEST_PAUSE))
    return error


def websocket_url(url: str) -> str:
    scheme, rest = url.split("://", 1)
    return f"{ {'http': 'ws', 'https': 'wss'}.get(scheme, scheme) }://{rest}"


def redirect(url: str, target: str) -> str:
    """Raises ConnectionRefusedError for a target the node's credential must not be sent to."""
    new = websocket_url(urljoin(url.replace("ws", "http", 1), target))
    if urlsplit(new).scheme not in ("ws", "wss") or (url.startswith("wss:") and not new.startswith("wss:")):
        raise ConnectionRefusedError("the service redirected the node to an address it must not go to")
    return new
