"""`/-/explain/...`: why something does not happen, for whoever may use the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.responses import Response

from batchite.batch.acting import Acting
from batchite.batch.explaining import actions
from batchite.batch.explaining.actions import Explanation
from batchite.batch.explaining.answers import shown
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.refusals import CONTENT_TYPE, answer_headers
from batchite.batch.services import Services

PATH = "/-/explain"

QUESTIONS: Sequence[tuple[str, Callable[..., Awaitable[Explanation]]]] = (
    ("/pools/{pool_id}", actions.pool),
    ("/pools/{pool_id}/nodes/{node_id}", actions.node),
    ("/jobs/{job_id}", actions.job),
    ("/jobs/{job_id}/tasks/{task_id}", actions.task),
)
"""What can be asked about, by its path in the API."""


def endpoints(services: Services) -> list[Endpoint]:
    return [Endpoint("GET", PATH + path, _answer(services, ask)) for path, ask in QUESTIONS]


def _answer(
    services: Services, ask: Callable[..., Awaitable[Explanation]]
) -> Callable[[OwnCall], Awaitable[Response]]:
    async def run(call: OwnCall) -> Response:
        found = await ask(Acting(services, call.account.name, call.now), **call.params)
        return Response(msgspec.json.encode(shown(found)), 200, answer_headers(call.request), CONTENT_TYPE)

    return run
