"""Messages with descriptors over a stream socket of this machine.

A message is its length in four bytes, the number of its descriptors in one, and its content. Sockets
that keep messages apart would do the same with less, but take none above some 200 kB.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections import deque
from collections.abc import Sequence

MOST_DESCRIPTORS = 64
"""of a message; the kernel takes 253"""
MOST_BYTES = 16 * 1024 * 1024
"""A message that is longer is none of ours."""

_HEAD = struct.Struct("!IB")
_SPACE = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)
_PIECE = 1 << 16

Message = tuple[bytes, list[int]]
"""Its content, and its descriptors, which are the receiver's to close."""


def framed(content: bytes, descriptors: Sequence[int] = ()) -> bytes:
    """What goes over the socket; its first byte takes the descriptors along."""
    if len(content) > MOST_BYTES or len(descriptors) > MOST_DESCRIPTORS:
        raise ValueError(f"a message of {len(content)} bytes with {len(descriptors)} descriptors is too long")
    return _HEAD.pack(len(content), len(descriptors)) + content


def begin(sender: socket.socket, data: bytes, descriptors: Sequence[int]) -> int:
    """Send the beginning of a framed message, with its descriptors; returns how many bytes went."""
    if not descriptors:
        return sender.send(data, socket.MSG_NOSIGNAL)
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
    return sender.sendmsg([data], [rights], socket.MSG_NOSIGNAL)


def send(sender: socket.socket, content: bytes, descriptors: Sequence[int] = ()) -> None:
    """Over a socket that blocks. Raises OSError."""
    data = framed(content, descriptors)
    if (sent := begin(sender, data, descriptors)) < len(data):
        sender.sendall(data[sent:], socket.MSG_NOSIGNAL)


class Receiver:
    """Makes messages of what comes in."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._data = bytearray()
        self._descriptors: deque[int] = deque()

    def receive(self) -> list[Message] | None:
        """The messages that are complete after one look, or None at the end. Raises OSError, and
        ValueError for what is no message."""
        data, rights, _, _ = self._source.recvmsg(_PIECE, _SPACE, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in rights:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                whole = len(content) - len(content) % 4
                self._descriptors.extend(array.array("i", content[:whole]))
        if not data:
            return None
        self._data += data
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def look(self) -> list[Message] | None:
        """What has come over a socket that does not block, which may be nothing; None at the end, and for
        what fails or is no message."""
        try:
            return self.receive()
        except BlockingIOError:
            return []
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Descriptors that nobody took are closed."""
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _next(self) -> Message | None:
        if len(self._data) < _HEAD.size:
            return None
        length, number = _HEAD.unpack_from(self._data)
        if length > MOST_BYTES or number > MOST_DESCRIPTORS:
            raise ValueError(f"a message of {length} bytes with {number} descriptors is none of ours")
        if len(self._data) < (end := _HEAD.size + length):
            return None
        if len(self._descriptors) < number:  # the kernel found no room for them
            raise ValueError("a message came without its descriptors")
        content = bytes(self._data[_HEAD.size : end])
        del self._data[:end]
        return content, [self._descriptors.popleft() for _ in range(number)]
