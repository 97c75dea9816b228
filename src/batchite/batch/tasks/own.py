"""Endpoints of ours about tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import queries, refusals
from batchite.batch.acting import Acting
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.searching import tasks as language
from batchite.batch.services import Services
from batchite.batch.tasks import actions
from batchite.batch.tasks.actions import Matches, Summary
from batchite.resources import states
from batchite.resources.searches import TaskSearch
from batchite.resources.showing import given, moment
from batchite.wire.batch import codec
from batchite.wire.batch.errors import invalid_query
from batchite.wire.batch.models.fields import Given, Model
from batchite.wire.ticks import Timestamp

SEARCH, AFTER, MOST = "search", "after", "maxresults"
LARGEST = 1000
"""Tasks of a page."""
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class FoundTask(Model, frozen=True, kw_only=True):
    """`state` is that in which it is counted: active, running, succeeded or failed; `cause` is that of its
    failure."""

    id: str
    state: str
    creation_time: Timestamp
    node_id: Given[str] = UNSET
    start_time: Given[Timestamp] = UNSET
    end_time: Given[Timestamp] = UNSET
    exit_code: Given[int] = UNSET
    cause: Given[str] = UNSET
    retry_count: int
    requeue_count: int


class FoundTasks(Model, frozen=True, kw_only=True):
    """Tasks of a job, the newest first. `count` is how many there are in all, where the counters say.
    `after` is the parameter of the next page; none if this is the last. `looked`: the page has fewer than
    asked for, since no more tasks than that were looked at for it."""

    value: tuple[FoundTask, ...]
    count: Given[int] = UNSET
    after: Given[int] = UNSET
    looked: Given[int] = UNSET


def shown(task: Summary) -> FoundTask:
    is_over = task.state == "completed"
    has_run = task.started is not None and (is_over or task.state == "running")
    return FoundTask(
        id=task.id,
        state=states.counted(task.state, task.result),
        creation_time=Timestamp(task.created),
        node_id=given(task.node_id) if has_run else UNSET,
        start_time=moment(task.started) if has_run else UNSET,
        end_time=moment(task.ended) if is_over else UNSET,
        exit_code=given(task.exit_code) if is_over else UNSET,
        cause=given(task.cause),
        retry_count=task.retry_count,
        requeue_count=task.requeue_count,
    )


def _page(matches: Matches) -> FoundTasks:
    return FoundTasks(
        value=tuple(map(shown, matches.found.rows)),
        count=given(matches.count),
        after=matches.found.after or UNSET,
        looked=matches.looked or UNSET,
    )


def _search(text: str) -> TaskSearch:
    """Raises BatchError that says where the text cannot be understood."""
    search, parsed = language.read(text)
    if search is None:
        problem = parsed.problems[0]
        where = f"is not understood at position {problem.start + 1}"
        raise invalid_query(SEARCH, text, f"{where}: {problem.text}")
    return search


def _after(text: str) -> int:
    """Raises BatchError."""
    if _NUMBER.fullmatch(text) is None:
        raise invalid_query(AFTER, text, "is no number; give that of the page before")
    return int(text)


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def tasks(call: OwnCall) -> Response:
        """Those that `search` finds, in the words of the portal's filter."""
        acting = Acting(services, call.account.name, call.now)
        search = _search(call.query.get(SEARCH, ""))
        most = queries.whole(call.query, MOST, 1, LARGEST, LARGEST)
        after = _after(call.query.get(AFTER, "0"))
        matches = await actions.search(acting, call.params["jobId"], search, most, after)
        headers = refusals.answer_headers(call.request)
        return Response(codec.encode(_page(matches)), 200, headers, refusals.CONTENT_TYPE)

    return (Endpoint("GET", "/-/jobs/{jobId}/tasks", tasks, query=frozenset({SEARCH, AFTER, MOST})),)
