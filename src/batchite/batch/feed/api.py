"""`/-/events`: what changes of pools, nodes, jobs and tasks, as it happens or since a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from starlette.responses import Response

from batchite.batch import queries, refusals
from batchite.batch.feed.cursors import BEGIN, NOW, Cursors, ExpiredError, Position, expired
from batchite.batch.feed.lines import KINDS
from batchite.batch.feed.reading import Found, Reader, Wanted
from batchite.batch.feed.streaming import HEARTBEAT_SECONDS, MEDIA_TYPE, EventStream
from batchite.batch.feed.tail import Tail
from batchite.batch.own import Endpoint, OwnCall
from batchite.wire.batch.errors import BatchError, invalid_query

PATH = "/-/events"
LONGEST_WAIT = 60
"""Seconds that a request may wait for events."""
MOST = 1000
"""Events in one answer."""
MOST_READERS = 100
"""Who may wait at the same time."""
_LAST_EVENT_ID = "last-event-id"


class Events:
    """The endpoint, for all accounts."""

    def __init__(self, tail: Tail, *, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._tail = tail
        self._heartbeat = heartbeat
        self._readers = 0

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        query = frozenset({"cursor", "wait", "maxresults", "job", "pool", "kinds"})
        return (Endpoint("GET", PATH, self.get, query=query),)

    async def get(self, call: OwnCall) -> Response:
        """As JSON or, to who accepts that, as a stream. Raises BatchError."""
        wait = queries.whole(call.query, "wait", 0, LONGEST_WAIT, 0)
        most = queries.whole(call.query, "maxresults", 1, MOST, MOST)
        is_streamed = MEDIA_TYPE in call.request.headers.get("accept", "").lower()
        cursors = Cursors(call.account.name)
        given = _position(call, cursors, is_streamed)
        reader = await self._enter(_wanted(call), given, is_patient=is_streamed or wait > 0)
        if is_streamed:
            headers = refusals.answer_headers(call.request)
            return EventStream(call.request, reader, cursors, headers, self._leave, self._heartbeat)
        try:
            work = reader.next(most, wait)
            found = await (call.request.unless_gone(work) if wait else work)
        except ExpiredError:
            raise expired() from None
        finally:
            self._leave()
        return _page(call, cursors, found, reader.position)

    async def _enter(
        self, wanted: Wanted, given: Position | Literal["begin", "now"], *, is_patient: bool
    ) -> Reader:
        """A reader who counts until `_leave`; one who is patient hears in a moment of what has just been
        committed. Raises BatchError."""
        if self._tail.is_over:
            raise BatchError("ServerBusy", "It is stopping.")
        if self._readers >= MOST_READERS:
            detail = f"{MOST_READERS} readers wait for events already, and there may be no more at a time."
            raise BatchError("ServerBusy", detail)
        self._readers += 1
        try:
            await self._tail.enter()
        except BaseException:
            self._readers -= 1
            raise
        try:
            if given == NOW or not is_patient:
                await self._tail.refresh()
            if given == BEGIN:
                given = await self._tail.begin()
            elif given == NOW:
                given = Position(self._tail.complete + 1)
            else:
                await self._tail.check(given)
            return Reader(self._tail, wanted, given)
        except ExpiredError:
            self._leave()
            raise expired() from None
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        self._readers -= 1
        self._tail.leave()


def _position(call: OwnCall, cursors: Cursors, is_streamed: bool) -> Position | Literal["begin", "now"]:
    """Where to begin; a browser that comes back says it in a header, whatever the URL says still."""
    last = call.request.headers.get(_LAST_EVENT_ID, "") if is_streamed else ""
    if last:
        return cursors.parse(last, "Last-Event-ID")
    text = call.query.get("cursor", NOW)
    return text if text in (BEGIN, NOW) else cursors.parse(text)


def _wanted(call: OwnCall) -> Wanted:
    text = call.query.get("kinds", "")
    kinds = frozenset(kind.strip().lower() for kind in text.split(",")) if text else frozenset()
    if not kinds <= set(KINDS):
        raise invalid_query("kinds", text, f"has to name some of {', '.join(KINDS)}, separated by commas")
    return Wanted(call.account.name, call.query.get("job", ""), call.query.get("pool", ""), kinds)


def _page(call: OwnCall, cursors: Cursors, found: Sequence[Found], position: Position) -> Response:
    events = b",".join(line.data for line, _ in found)
    body = b'{"events":[%b],"cursor":"%b"}' % (events, cursors.text(position).encode())
    headers = {**refusals.answer_headers(call.request), "Cache-Control": "no-store"}
    return Response(body, 200, headers, "application/json")
