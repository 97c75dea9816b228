"""Answers are dated when they begin."""

import asyncio
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send

from batchite.web import dating
from batchite.web.dating import Dating
from batchite.web.listener import Listener, bind


def test_a_second_has_one_date() -> None:
    times = iter([1_000_000_000.0, 1_000_000_000.999, 1_000_000_001.0])
    dates = Dating(lambda: next(times))
    first, same, later = dates.headers(), dates.headers(), dates.headers()
    assert first == same == [(b"date", b"Sun, 09 Sep 2001 01:46:40 GMT")]
    assert later == [(b"date", b"Sun, 09 Sep 2001 01:46:41 GMT")]


@pytest.mark.parametrize("length_known", [True, False])
async def test_an_answer_is_not_dated_before_what_was_done_for_it(
    monkeypatch: pytest.MonkeyPatch, length_known: bool
) -> None:
    """However long a request takes, and right after a second has passed."""
    time = 1_000_000_000.9
    monkeypatch.setattr(dating, "now", Dating(lambda: time).headers)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal time
        time += 5.2
        headers = [(b"content-length", b"4")] if length_known else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})

    listener = Listener(app, bind("127.0.0.1", 0))
    await listener.start()
    try:
        url = f"http://127.0.0.1:{listener.address[1]}/"
        async with asyncio.timeout(60), aiohttp.ClientSession() as session, session.get(url) as answer:
            assert await answer.text() == "done"
            assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == 1_000_000_006
    finally:
        await listener.stop()
