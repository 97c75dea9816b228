"""Messages with descriptors over a stream socket."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from batchite.machine import passing
from batchite.machine.passing import Message, Receiver

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def receive(source: socket.socket, number: int) -> list[Message]:
    receiver, found = Receiver(source), []
    while len(found) < number:
        messages = receiver.receive()
        assert messages is not None
        found += messages
    return found


def test_messages_stay_apart_with_their_descriptors_however_long_they_are(pair: Pair) -> None:
    ends = [os.pipe() for _ in range(3)]
    contents = [b"one", b"x" * 1_000_000, b"", b"last"]
    given = [[ends[0][1]], [ends[1][1], ends[2][1]], [], [ends[0][1]]]

    def send() -> None:
        for content, descriptors in zip(contents, given, strict=True):
            passing.send(pair[0], content, descriptors)

    sender = threading.Thread(target=send)
    sender.start()
    found = receive(pair[1], len(contents))
    sender.join()
    assert [content for content, _ in found] == contents
    assert [len(descriptors) for _, descriptors in found] == [1, 2, 0, 1]
    for (read, write), received in zip(ends, (found[0][1][0], *found[1][1]), strict=True):
        os.close(write)
        os.write(received, b"through")
        assert os.read(read, 10) == b"through"
        os.close(read)
    for _, descriptors in found:
        for descriptor in descriptors:
            assert not os.get_inheritable(descriptor)
            os.close(descriptor)


def test_the_end_is_told(pair: Pair) -> None:
    pair[0].close()
    assert Receiver(pair[1]).receive() is None


@pytest.mark.parametrize("said", [b"\xff" * 9, b"\0\0\0\0\x01", b"\x7f\xff\xff\xff\0"])
def test_what_is_no_message_is_refused(pair: Pair, said: bytes) -> None:
    pair[0].sendall(said)
    with pytest.raises(ValueError, match="message"):
        Receiver(pair[1]).receive()


def test_what_is_too_long_is_not_sent() -> None:
    with pytest.raises(ValueError, match="too long"):
        passing.framed(b"", [0] * (passing.MOST_DESCRIPTORS + 1))
