"""Endpoints of ours about pools."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.pools import autoscaling, trials
from batchite.batch.services import Services
from batchite.resources.evaluations import MOST, AutoScaleLog, AutoScaleTrial
from batchite.wire.batch import codec
from batchite.wire.batch.errors import invalid_query
from batchite.wire.batch.models.pools import BatchPoolEvaluateAutoScaleOptions
from batchite.wire.batch.validation.autoscaling import accept_evaluation

LARGEST_TRIAL = 256 * 1024
"""Bytes of a body with a formula."""


def _most(call: OwnCall) -> int:
    """Raises BatchError."""
    text = call.query.get("maxresults", str(MOST))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise invalid_query("maxresults", text, f"has to be a number from 1 to {MOST}")
    return int(text)


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def autoscale(call: OwnCall) -> Response:
        acting = Acting(services, call.account.name, call.now)
        name, entries = await autoscaling.log(acting, call.params["poolId"], _most(call))
        body = codec.encode(AutoScaleLog(pool_id=name, evaluations=tuple(entries)))
        return Response(body, 200, refusals.answer_headers(call.request), refusals.CONTENT_TYPE)

    async def try_(call: OwnCall) -> Response:
        """As `evaluateautoscale`, also before autoscale is on."""
        content = await call.request.body(LARGEST_TRIAL)
        formula = accept_evaluation(codec.decode(content, BatchPoolEvaluateAutoScaleOptions))
        acting = Acting(services, call.account.name, call.now)
        trial = await trials.evaluate(acting, call.params["poolId"], formula, beforehand=True)
        body = codec.encode(AutoScaleTrial(auto_scale_run=trial.run, recorded=trial.is_recorded))
        return Response(body, 200, refusals.answer_headers(call.request), refusals.CONTENT_TYPE)

    path = "/-/pools/{poolId}/autoscale"
    return (
        Endpoint("GET", path, autoscale, frozenset({"maxresults"})),
        Endpoint("POST", f"{path}/try", try_),
    )
