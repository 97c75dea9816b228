"""The agent's end of the socket to its node's spawner. Nothing here waits."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from batchite.machine import passing
from batchite.nodes.sandbox import requests
from batchite.nodes.sandbox.requests import Request, Told


class _Waiting:
    """A message that could not be sent at once, with descriptors of its own."""

    def __init__(self, data: bytes, descriptors: Sequence[int]) -> None:
        self.data = data
        self.descriptors = [os.dup(descriptor) for descriptor in descriptors]

    def close(self) -> None:
        while self.descriptors:
            os.close(self.descriptors.pop())


class Line:
    """`heard` is told what the spawner says, `lost` once that it is gone."""

    def __init__(
        self, spawner: socket.socket, heard: Callable[[Told], None], lost: Callable[[], None]
    ) -> None:
        spawner.setblocking(False)
        self._socket = spawner
        self._receiver = passing.Receiver(spawner)
        self._heard = heard
        self._lost = lost
        self._waiting: deque[_Waiting] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(spawner, self._read)

    def send(self, request: Request, descriptors: Sequence[int] = ()) -> None:
        """The descriptors stay the caller's. Raises ValueError for what is too long, OSError if there are no
        descriptors left."""
        data = passing.framed(requests.encode(request), descriptors)
        sent = 0 if self._waiting else self._try(data, descriptors)
        if sent < len(data):
            if not self._waiting:
                self._loop.add_writer(self._socket, self._write)
            self._waiting.append(_Waiting(data[sent:], () if sent else descriptors))

    def close(self) -> None:
        """Which ends the spawner, and with it all of the node; once is enough."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        while self._waiting:
            self._waiting.popleft().close()
        self._receiver.close()
        self._socket.close()

    def _try(self, data: bytes, descriptors: Sequence[int]) -> int:
        try:
            return passing.begin(self._socket, data, descriptors)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):
            return len(data)  # its end is read of

    def _write(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            sent = self._try(first.data, first.descriptors)
            if not sent:
                return
            first.close()
            if sent < len(first.data):
                first.data = first.data[sent:]
                return
            self._waiting.popleft()
        self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        messages = self._receiver.look()
        if messages is None:
            self._loop.remove_reader(self._socket)
            self._lost()
            return
        for content, _ in messages:
            self._heard(requests.told(content))
