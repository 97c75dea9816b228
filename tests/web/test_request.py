"""A request as the services see it."""

import time

from starlette.types import Scope

from batchite.web.request import Incoming


def scope(headers: list[tuple[bytes, bytes]]) -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "raw_path": b"/",
        "query_string": b"",
        "scheme": "http",
        "headers": headers,
    }


async def receive() -> dict[str, object]:
    return {"type": "http.request"}


def test_values_of_one_name_are_joined_in_order() -> None:
    headers = [(b"b", b"1"), (b"a", b" 2\t"), (b"b", b""), (b"b", b"3"), (b"a", b"4")]
    assert dict(Incoming(scope(headers), receive).headers) == {"b": "1,,3", "a": "2,4"}


def seconds(headers: list[tuple[bytes, bytes]]) -> float:
    """The least of a few times, of this thread alone."""
    taken = []
    for _ in range(3):
        start = time.thread_time()
        Incoming(scope(headers), receive)
        taken.append(time.thread_time() - start)
    return min(taken)


def test_a_name_that_comes_often_costs_as_much_each_time() -> None:
    """Eight times as much for eight times as many, where nothing disturbs; 64 times, if it grew."""
    few, many = ([(b"a", b"b")] * count for count in (10_000, 80_000))
    assert any(seconds(many) < 24 * seconds(few) for _ in range(5))
