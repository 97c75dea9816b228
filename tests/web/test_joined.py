"""What leaves together: the head of an answer and the first of its body."""

from types import SimpleNamespace
from typing import Any

import pytest

from batchite.web import dating
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


async def _left_to_the_server(message: Any) -> None:
    raise AssertionError(message)


def answer() -> tuple[Any, list[bytes | str]]:
    wire = Wire()
    cycle: Any = SimpleNamespace(
        transport=wire,
        response_started=False,
        disconnected=False,
        keep_alive=True,
        default_headers=[(b"date", b"when the request began")],
        flow=SimpleNamespace(write_paused=False),
        on_response=lambda: wire.seen.append("complete"),
        send=_left_to_the_server,
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


def start(**headers: bytes) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": named}


async def test_an_ordinary_head_is_written_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dating, "now", lambda: [(b"date", b"now")])
    cycle, seen = answer()
    await cycle.send(start(content_length=b"4", etag=b"a\tb\xe9"))
    assert cycle.response_started
    assert (cycle.expected_content_length, cycle.chunked_encoding) == (4, False)
    cycle.transport.write(b"body")
    head = b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 4\r\netag: a\tb\xe9\r\n\r\n"
    assert seen == [head + b"body"]


@pytest.mark.parametrize("control", [b"\r\n", b"\n", b"\r", b"\0", b"\x1f", b"\x7f"])
async def test_the_server_refuses_what_would_break_a_head(control: bytes) -> None:
    cycle, seen = answer()
    with pytest.raises(AssertionError):
        await cycle.send(start(content_length=b"4", etag=b"a" + control + b"b"))
    assert not cycle.response_started
    assert seen == []


@pytest.mark.parametrize(
    "headers", [{}, {"content_length": b"4", "connection": b"close"}, {"transfer_encoding": b"chunked"}]
)
async def test_the_server_writes_what_decides_over_the_connection(headers: dict[str, bytes]) -> None:
    cycle, seen = answer()
    with pytest.raises(AssertionError):
        await cycle.send(start(**headers))
    assert seen == []


@pytest.mark.parametrize("state", [{"keep_alive": False}, {"disconnected": True}, {"response_started": True}])
async def test_the_server_knows_what_to_do_about_an_answer_that_is_not_ordinary(
    state: dict[str, bool],
) -> None:
    cycle, seen = answer()
    vars(cycle).update(state)
    with pytest.raises(AssertionError):
        await cycle.send(start(content_length=b"4"))
    assert seen == []
