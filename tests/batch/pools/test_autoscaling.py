"""Autoscale of pools: how it is enabled, disabled and tried, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from tests.batch.pools.test_api import POOL
from tests.batch.service import Api

from batchite.resources.evaluations import AutoScaleEvaluation
from batchite.scheduling.autoscale.samples import stored
from batchite.store.batch import schema
from batchite.wire.batch import codec
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

FORMULA = "$TargetDedicatedNodes = 3;"
SCALED = {"enableAutoScale": True, "autoScaleFormula": FORMULA}


async def row(api: Api, table: sa.Table) -> Any:
    return await api.database.read(lambda c: c.execute(sa.select(table)).one_or_none())


async def change(api: Api, table: sa.Table, **values: object) -> None:
    await api.database.write(lambda c: c.execute(sa.update(table).values(values)))


async def steady(api: Api, **properties: object) -> None:
    assert (await api.add_pool(targetDedicatedNodes=0, **properties)).status == 201


async def enable(api: Api, **body: object) -> Any:
    return await api.post("/pools/pool/enableautoscale", body)


async def after_a_pause(api: Api, **body: object) -> Any:
    await change(api, schema.autoscaling, enabled=1)
    return await enable(api, **body)


async def test_the_synchronous_client_enables_evaluates_and_disables(api: Api) -> None:
    def program() -> tuple[models.AutoScaleRun, models.BatchPool, models.BatchPool]:
        with api.client() as client:
            client.create_pool({**POOL, "targetDedicatedNodes": 0})
            options = models.BatchPoolEnableAutoScaleOptions(
                auto_scale_formula=FORMULA, auto_scale_evaluation_interval=timedelta(minutes=6)
            )
            client.enable_pool_auto_scale("MyPool", options)
            trial = models.BatchPoolEvaluateAutoScaleOptions(
                auto_scale_formula="$TargetDedicatedNodes=4; a = 29 / 30 * 100"
            )
            run = client.evaluate_pool_auto_scale("MyPool", trial)
            on = client.get_pool("MyPool")
            client.disable_pool_auto_scale("MyPool")
            return run, on, client.get_pool("MyPool")

    run, on, off = await asyncio.to_thread(program)
    assert run.results == (
        "$TargetDedicatedNodes=4;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue;a=96.6667"
    )
    assert run.error is None
    assert (on.enable_auto_scale, on.auto_scale_formula) == (True, FORMULA)
    assert on.auto_scale_evaluation_interval == timedelta(minutes=6)
    assert (on.target_dedicated_nodes, on.auto_scale_run) == (0, None)
    assert (off.enable_auto_scale, off.auto_scale_formula) == (False, None)
    assert off.auto_scale_evaluation_interval is None
    assert await row(api, schema.samples) is None


async def test_the_asynchronous_client_sees_the_last_run(api: Api) -> None:
    await api.add_pool(**SCALED)
    run = b'{"timestamp":"2026-01-30T12:00:00Z","results":"$TargetDedicatedNodes=3"}'
    await change(api, schema.autoscaling, run=run)
    async with api.async_client() as client:
        pool = await client.get_pool("pool")
        assert pool.auto_scale_run is not None
        assert pool.auto_scale_run.results == "$TargetDedicatedNodes=3"
        (listed,) = [one async for one in client.list_pools(filter="enableAutoScale eq true")]
        assert listed.auto_scale_formula == FORMULA


async def test_a_pool_is_added_with_a_formula_and_without_nodes(api: Api) -> None:
    assert (await api.add_pool(**SCALED)).status == 201
    pool = (await api.get("/pools/pool")).json
    assert (pool["enableAutoScale"], pool["autoScaleFormula"]) == (True, FORMULA)
    assert pool["autoScaleEvaluationInterval"] == "PT15M"
    assert (pool["targetDedicatedNodes"], pool["allocationState"]) == (0, "steady")
    assert "autoScaleRun" not in pool
    scaling = await row(api, schema.autoscaling)
    assert scaling.evaluate_at == scaling.enabled
    assert scaling.sample_at == scaling.enabled + 30 * TICKS_PER_SECOND
    assert api.owner.woken == ["devbatch/pool"]


@pytest.mark.parametrize(
    ("properties", "code", "what"),
    [
        ({"enableAutoScale": True}, "MissingRequiredProperty", "autoScaleFormula"),
        ({**SCALED, "targetDedicatedNodes": 0}, "InvalidAutoScalingSettings", "targetDedicatedNodes"),
        ({**SCALED, "targetLowPriorityNodes": 2}, "InvalidAutoScalingSettings", "targetLowPriorityNodes"),
        ({"autoScaleFormula": FORMULA}, "InvalidAutoScalingSettings", "enableAutoScale: true"),
        (
            {"enableAutoScale": False, "autoScaleEvaluationInterval": "PT5M"},
            "InvalidAutoScalingSettings",
            "autoScaleEvaluationInterval",
        ),
        ({**SCALED, "autoScaleEvaluationInterval": "PT4M"}, "InvalidPropertyValue", "PT5M and P7D"),
        ({**SCALED, "autoScaleEvaluationInterval": "PT169H"}, "InvalidPropertyValue", "PT5M and P7D"),
        ({**SCALED, "autoScaleFormula": "x = "}, "AutoScalingFormulaSyntaxError", "Line 1, Col 5"),
        ({**SCALED, "autoScaleFormula": ""}, "AutoScalingFormulaSyntaxError", "expected a statement"),
        ({**SCALED, "autoScaleFormula": "x = y"}, "AutoScalingFormulaSyntaxError", "no variable 'y'"),
        ({**SCALED, "autoScaleFormula": "x = 1;" * 2000}, "AutoScaleFormulaTooLong", "12,000"),
        ({**SCALED, "autoScaleFormula": 5}, "InvalidRequestBody", "autoScaleFormula"),
    ],
)
async def test_what_no_pool_is_added_with(
    api: Api, properties: dict[str, object], code: str, what: str
) -> None:
    answer = await api.add_pool(**properties)
    assert answer.error == (400, code)
    assert what in answer.message
    assert await row(api, schema.pools) is None


async def test_enabling_takes_a_formula_first_and_then_either(api: Api) -> None:
    await steady(api)
    assert (await enable(api)).error == (400, "MissingRequiredProperty")
    assert (await enable(api, autoScaleEvaluationInterval="PT5M")).error == (400, "MissingRequiredProperty")
    answer = await enable(api, autoScaleFormula=FORMULA)
    assert answer.status == 200
    assert answer.headers["DataServiceId"].endswith("/pools/pool")
    assert answer.headers["ETag"] == (await api.get("/pools/pool")).json["eTag"]
    first = await row(api, schema.autoscaling)
    assert (await after_a_pause(api, autoScaleFormula="$TargetDedicatedNodes = 4")).status == 200
    second = await row(api, schema.autoscaling)
    assert second.evaluate_at == first.evaluate_at  # its turns go on
    assert (await after_a_pause(api, autoScaleEvaluationInterval="PT7M")).status == 200
    third = await row(api, schema.autoscaling)
    assert third.formula == "$TargetDedicatedNodes = 4"
    assert third.interval_ticks == 420 * TICKS_PER_SECOND
    assert third.evaluate_at == third.enabled > second.enabled  # they begin anew
    assert (await enable(api)).error == (400, "MissingRequiredProperty")


async def test_autoscale_is_not_enabled_again_at_once(api: Api) -> None:
    await steady(api)
    await enable(api, autoScaleFormula=FORMULA)
    answer = await enable(api, autoScaleFormula="x = 1")
    assert answer.error == (503, "TooManyEnableAutoScaleRequests")
    assert "Send the request again in 30 seconds." in answer.message
    assert (await api.post("/pools/pool/disableautoscale")).status == 200
    assert (await enable(api, autoScaleFormula="x = 1")).error == (503, "TooManyEnableAutoScaleRequests")
    assert (await api.get("/pools/pool")).json["enableAutoScale"] is False


async def test_enabling_once_more_begins_without_samples(api: Api) -> None:
    await api.add_pool(**SCALED)
    number = (await row(api, schema.pools)).pool_no
    sample = {"pool_no": number, "at": 1, "measured": stored({"$ActiveTasks": 5.0})}
    await api.database.write(lambda c: c.execute(sa.insert(schema.samples), sample))
    await change(api, schema.autoscaling, run=b"{}", evaluate_at=1)
    await api.post("/pools/pool/disableautoscale")
    answer = await after_a_pause(api, autoScaleFormula=FORMULA)
    assert answer.status == 200
    assert await row(api, schema.samples) is None
    scaling = await row(api, schema.autoscaling)
    assert (scaling.run, scaling.evaluate_at) == (None, scaling.enabled)


async def test_a_pool_that_resizes_or_goes_is_not_scaled(api: Api) -> None:
    await api.add_pool(targetDedicatedNodes=2)
    assert (await enable(api, autoScaleFormula=FORMULA)).error == (409, "PoolBeingResized")
    await api.delete("/pools/pool")
    for operation in ("enableautoscale", "evaluateautoscale"):
        answer = await api.post(f"/pools/pool/{operation}", {"autoScaleFormula": FORMULA})
        assert answer.error == (409, "PoolBeingDeleted")
    assert (await api.post("/pools/pool/disableautoscale")).error == (409, "PoolBeingDeleted")
    for operation in ("enableautoscale", "evaluateautoscale", "disableautoscale"):
        answer = await api.post(f"/pools/other/{operation}", {"autoScaleFormula": FORMULA})
        assert answer.error == (404, "PoolNotFound")


async def test_conditions_hold_for_enabling(api: Api) -> None:
    await steady(api)
    target = "/pools/pool/enableautoscale?api-version=2025-06-01"
    body = {"autoScaleFormula": FORMULA}
    answer = await api.raw("POST", target, body, headers={"If-Match": '"0x1"'})
    assert answer.error == (412, "ConditionNotMet")
    etag = (await api.get("/pools/pool")).json["eTag"]
    assert (await api.raw("POST", target, body, headers={"If-Match": etag})).status == 200


async def test_disabling_keeps_the_size(api: Api) -> None:
    await api.add_pool(**SCALED)
    await change(api, schema.pools, target_dedicated=7)
    assert (await api.post("/pools/pool/disableautoscale")).status == 200
    pool = (await api.get("/pools/pool")).json
    assert (pool["targetDedicatedNodes"], pool["enableAutoScale"]) == (7, False)
    assert not {"autoScaleFormula", "autoScaleEvaluationInterval", "autoScaleRun"} & pool.keys()


async def test_a_formula_that_fails_is_an_answer(api: Api) -> None:
    await api.add_pool(**SCALED)
    await change(api, schema.pools, target_dedicated=2)
    answer = await api.post("/pools/pool/evaluateautoscale", {"autoScaleFormula": "something_useless"})
    assert answer.status == 200
    run = answer.json
    assert run["odata.metadata"].endswith("/$metadata#Microsoft.Azure.Batch.Protocol.Entities.AutoScaleRun")
    assert run["results"] == (
        "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue"
    )
    assert run["error"]["code"] == "AutoScalingFormulaEvaluationError"
    assert run["error"]["values"] == [
        {"name": "Message", "value": run["error"]["values"][0]["value"]},
    ]
    assert run["error"]["values"][0]["value"].startswith("Line 1, Col 18: expected '='")
    assert (await api.get("/pools/pool")).json["targetDedicatedNodes"] == 2


async def test_a_formula_is_tried_over_what_was_sampled(api: Api) -> None:
    await api.add_pool(**SCALED)
    number = (await row(api, schema.pools)).pool_no
    now = (await row(api, schema.autoscaling)).enabled
    samples = [
        {
            "pool_no": number,
            "at": now - back * 30 * TICKS_PER_SECOND,
            "measured": stored({"$ActiveTasks": float(back)}),
        }
        for back in range(10)
    ]
    await api.database.write(lambda c: c.execute(sa.insert(schema.samples), samples))
    formula = "$TargetDedicatedNodes = max($ActiveTasks.GetSample(TimeInterval_Minute * 4, 50))"
    run = (await api.post("/pools/pool/evaluateautoscale", {"autoScaleFormula": formula})).json
    assert run["results"].startswith("$TargetDedicatedNodes=7;")
    formula = "x = avg($CPUPercent.GetSample(TimeInterval_Minute * 4, 50))"
    run = (await api.post("/pools/pool/evaluateautoscale", {"autoScaleFormula": formula})).json
    assert run["error"]["code"] == "InsufficientSampleData"


async def test_formulas_are_tried_while_autoscale_is_on(api: Api) -> None:
    await steady(api)
    answer = await api.post("/pools/pool/evaluateautoscale", {"autoScaleFormula": FORMULA})
    assert answer.error == (409, "OperationNotValidOnPool")
    assert "Enable it first" in answer.message
    assert (await api.post("/pools/pool/evaluateautoscale", {})).error == (400, "MissingRequiredProperty")


async def test_old_versions_have_autoscale_too(api: Api) -> None:
    await api.add_pool(**SCALED)
    body = {"autoScaleFormula": FORMULA}
    for version, results in (
        ("2016-02-01.3.0", "$TargetDedicated=3;$NodeDeallocationOption=requeue"),
        (
            "2019-08-01.10.0",
            "$TargetDedicatedNodes=3;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue",
        ),
    ):
        answer = await api.raw("POST", f"/pools/pool/evaluateautoscale?api-version={version}", body)
        assert answer.json["results"] == results
        pool = (await api.raw("GET", f"/pools/pool?api-version={version}")).json
        assert pool["autoScaleFormula"] == FORMULA


async def test_the_log_is_told_newest_first(api: Api) -> None:
    await api.add_pool(**SCALED)
    number = (await row(api, schema.pools)).pool_no
    assert (await api.get("/-/pools/pool/autoscale")).json == {"poolId": "pool", "evaluations": []}
    for seconds in range(3):
        entry = AutoScaleEvaluation(
            time=Timestamp(seconds * TICKS_PER_SECOND), what="unchanged", formula=FORMULA
        )
        values = {"pool_no": number, "entry": codec.encode(entry)}
        await api.database.write(lambda c, v=values: c.execute(sa.insert(schema.evaluations), v))
    told = (await api.raw("GET", "/-/pools/pool/autoscale?maxresults=2")).json["evaluations"]
    assert [one["time"] for one in told] == ["1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z"]
    assert (await api.raw("GET", "/-/pools/other/autoscale")).error == (404, "PoolNotFound")
    for wrong in ("0", "101", "x", "-1", "9" * 5000):
        answer = await api.raw("GET", f"/-/pools/pool/autoscale?maxresults={wrong}")
        assert answer.error == (400, "InvalidQueryParameterValue")


async def test_a_formula_is_tried_before_autoscale_is_on_by_an_endpoint_of_ours(api: Api) -> None:
    path = "/-/pools/pool/autoscale/try"
    assert (await api.raw("POST", path, {"autoScaleFormula": FORMULA})).error == (404, "PoolNotFound")
    await steady(api)
    await api.add_node("n", state="preempted", dedicated=False)
    await api.add_job()
    await api.add_task("t")
    formula = "x = $PendingTasks.GetSample(1) * 10 + $PreemptedNodeCount; y = $PendingTasks.Count()"
    before = await api.content()
    tried = (await api.raw("POST", path, {"autoScaleFormula": formula})).json
    assert tried["recorded"] is False
    assert tried["autoScaleRun"]["results"].endswith("x=[11];y=1")
    assert (await api.raw("POST", path, {})).error == (400, "MissingRequiredProperty")
    assert (await api.raw("POST", path, {"autoScaleFormula": "x"}, signed=False)).status in (401, 403)
    assert (await api.raw("POST", path, b"{" * 300_000)).error == (413, "RequestBodyTooLarge")
    assert await api.content() == before
    await enable(api, autoScaleFormula=FORMULA)
    again = (await api.raw("POST", path, {"autoScaleFormula": formula})).json
    assert again["recorded"] is True
