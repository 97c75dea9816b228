"""What leaves together: the head of an answer and the first of its body."""

from types import SimpleNamespace
from typing import Any

from batchite.web.joined import JOINED_BYTES, Joined


class Wire:
    def __init__(self) -> None:
        self.seen: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.seen.append(data)

    def close(self) -> None:
        self.seen.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.seen


def answer() -> tuple[Any, list[bytes | str]]:
    wire = Wire()
    cycle: Any = SimpleNamespace(
        transport=wire,
        response_started=False,
        on_response=lambda: wire.seen.append("complete"),
        send=None,
    )
    Joined(cycle)
    return cycle, wire.seen


def test_head_and_body_are_one_piece() -> None:
    cycle, seen = answer()
    cycle.response_started = True
    cycle.transport.write(b"head ")
    assert seen == []
    cycle.transport.write(b"body")
    cycle.transport.write(b"more")
    cycle.on_response()
    assert seen == [b"head body", b"more", "complete"]


def test_what_comes_before_the_answer_is_not_kept() -> None:
    cycle, seen = answer()
    cycle.transport.write(b"continue")
    assert seen == [b"continue"]


def test_a_head_without_a_body_leaves_when_the_answer_is_complete_or_closed() -> None:
    for end in ("complete", "closed"):
        cycle, seen = answer()
        cycle.response_started = True
        cycle.transport.write(b"head")
        (cycle.on_response if end == "complete" else cycle.transport.close)()
        assert seen == [b"head", end]


def test_a_long_body_is_not_copied() -> None:
    cycle, seen = answer()
    cycle.response_started = True
    body = b"x" * (JOINED_BYTES + 1)
    cycle.transport.write(b"head")
    cycle.transport.write(body)
    assert seen == [b"head", body]
    assert seen[1] is body
