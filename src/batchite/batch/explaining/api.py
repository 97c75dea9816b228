"""`/-/explain/...`: why something does not happen, for whoever may use the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

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

QUESTIONS: Mapping[str, Callable[..., Awaitable[Explanation]]] = {
    "/pools/{poolId}": actions.pool,
    "/pools/{poolId}/nodes/{nodeId}": actions.node,
    "/jobschedules/{jobScheduleId}": actions.schedule,
    "/jobs/{jobId}": actions.job,
    "/jobs/{jobId}/tasks/{taskId}": actions.task,
}
"""What can be asked about, by its path in the API; whoever answers is told the ids in their order."""


def endpoints(services: Services) -> list[Endpoint]:
    return [Endpoint("GET", PATH + path, _answer(services, ask)) for path, ask in QUESTIONS.items()]


def _answer(
    services: Services, ask: Callable[..., Awaitable[Explanation]]
) -> Callable[[OwnCall], Awaitable[Response]]:
    async def run(call: OwnCall) -> Response:
        found = await ask(Acting(services, call.account.name, call.now), *call.params.values())
        return Response(msgspec.json.encode(shown(found)), 200, answer_headers(call.request), CONTENT_TYPE)

    return run
