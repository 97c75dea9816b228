"""A request as the services see it."""

import time
from collections.abc import Callable

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


def seconds(call: Callable[[], object]) -> float:
    """The least of a few times, of this process alone."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


def test_a_name_that_comes_often_costs_as_much_each_time() -> None:
    few, many = ([(b"a", b"b")] * count for count in (10_000, 80_000))
    once = seconds(lambda: Incoming(scope(few), receive))
    assert seconds(lambda: Incoming(scope(many), receive)) < 24 * once
