"""Tasks that are given other constraints, and tasks that are run anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.batch import models
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from tests.batch.service import Answer, Api

from batchite.resources.rules import TaskRules, of_stored_task
from batchite.store.batch import schema
from batchite.wire.ticks import INFINITE, Duration

FAILED = {
    "state": "completed",
    "previous_state": "running",
    "previous_state_time": 70,
    "state_time": 200,
    "attempt": 3,
    "node_no": 1,
    "node_id": "node-1",
    "assigned": 60,
    "started": 100,
    "staged": 110,
    "ended": 200,
    "exit_code": 7,
    "result": "failure",
    "failure": b'{"category":"usererror","code":"FailureExitCode"}',
    "cause": "c1",
    "retry_count": 2,
    "last_retry": 90,
    "requeue_count": 1,
    "last_requeue": 50,
    "wall_time": 100,
}
PLAIN = {"maxWallClockTime": str(INFINITE), "retentionTime": "P7D", "maxTaskRetryCount": 0}


async def put(api: Api, body: object, version: str = "2025-06-01", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.raw("PUT", f"/jobs/job/tasks/t?api-version={version}", body, named)


async def the_row(api: Api, table: Any = schema.tasks) -> Any:
    (row,) = await api.database.read(lambda connection: connection.execute(table.select()).all())
    return row


# -- constraints


async def test_a_task_is_given_other_constraints(api: Api) -> None:
    await api.add_job(constraints={"maxTaskRetryCount": 5})
    await api.add_task("t", resourceFiles=[{"httpUrl": "http://h/f", "filePath": "f"}])
    before = (await api.get("/jobs/job/tasks/t")).json
    async with api.async_client() as client:
        task = await client.get_task("job", "t")
        task.constraints = models.BatchTaskConstraints(max_task_retry_count=3)
        await client.replace_task(
            "job", "T", task, etag=task.etag, match_condition=MatchConditions.IfNotModified
        )
        after = (await api.get("/jobs/job/tasks/t")).json
        assert after["constraints"] == PLAIN | {"maxTaskRetryCount": 3}
        moved = {"odata.metadata", "constraints", "eTag", "lastModified"}
        assert {name: after[name] for name in after.keys() - moved} == {
            name: before[name] for name in before.keys() - moved
        }
        assert after["eTag"] != before["eTag"]
        with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
            await client.replace_task(
                "job", "t", task, etag=task.etag, match_condition=MatchConditions.IfNotModified
            )
        await client.replace_task("job", "t", models.BatchTask())
    assert (await api.get("/jobs/job/tasks/t")).json["constraints"] == PLAIN | {"maxTaskRetryCount": 5}
    stored = await api.content()
    assert [event[2] for event in stored["events"]] == ["job", "tasks", "task-changed", "task-changed"]


async def test_rules_follow_the_constraints(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    limits = {"maxWallClockTime": "PT1M", "retentionTime": "PT2H", "maxTaskRetryCount": -1}
    answer = await put(api, {"constraints": limits})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["ETag"] == (await api.get("/jobs/job/tasks/t")).json["eTag"]
    minute, hours = Duration.of(minutes=1).ticks, Duration.of(minutes=120).ticks
    assert of_stored_task((await the_row(api)).rules) == TaskRules(-1, hours, minute)
    await put(api, {"constraints": None})
    assert of_stored_task((await the_row(api)).rules) == TaskRules(wall_clock=INFINITE.ticks)


async def test_a_completed_task_may_be_changed(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    await api.update(schema.tasks, **FAILED)
    assert (await put(api, {"constraints": {"retentionTime": "P30D"}})).status == 200
    assert json.loads((await the_row(api)).definition)["constraints"]["retentionTime"] == "P30D"


async def test_files_are_kept_as_is_said_last_unless_they_are_gone(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    await api.update(schema.tasks, **FAILED, files_until=300)
    day = Duration.of(days=1).ticks
    await put(api, {"constraints": {"retentionTime": "P1D"}})
    assert (await the_row(api)).files_until == 200 + day
    await put(api, {"constraints": {"retentionTime": str(INFINITE)}})
    assert (await the_row(api)).files_until == INFINITE.ticks
    await api.update(schema.tasks, files_until=None)
    await put(api, {"constraints": {"retentionTime": "P1D"}})
    assert (await the_row(api)).files_until is None


async def test_older_versions_have_their_own_default(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    for version, kept in (("2018-08-01.7.0", str(INFINITE)), ("2018-12-01.8.0", "P7D")):
        assert (await put(api, {}, version)).status == 200
        assert json.loads((await the_row(api)).definition)["constraints"]["retentionTime"] == kept


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"constraints": {"maxTaskRetryCount": -2}}, "InvalidPropertyValue", "constraints.maxTaskRetryCount"),
        ({"constraints": {"retentionTime": "-PT1S"}}, "InvalidPropertyValue", "constraints.retentionTime"),
        ({"constraints": {"maxWallClockTime": "PT0S"}}, "InvalidPropertyValue", "maxWallClockTime"),
        ({"constraints": {"maxWallClockTime": "soon"}}, "InvalidRequestBody", "maxWallClockTime"),
        ({"constraints": []}, "InvalidRequestBody", "constraints"),
        ({"commandLine": "true"}, "InvalidRequestBody", "commandLine"),
    ],
)
async def test_what_is_refused_changes_nothing(api: Api, body: object, code: str, word: str) -> None:
    await api.add_job()
    await api.add_task("t")
    before = await api.content()
    answer = await put(api, body)
    assert answer.error == (400, code)
    assert word in answer.body.decode()
    assert (await put(api, {}, If_Match="0x1")).error == (412, "ConditionNotMet")
    assert await api.content() == before


async def test_only_a_task_that_is_there_is_changed(api: Api) -> None:
    assert (await put(api, {})).error == (404, "JobNotFound")
    await api.add_job()
    assert (await put(api, {})).error == (404, "TaskNotFound")
    await api.add_task("t")
    await api.update(schema.tasks, intent="delete")
    assert (await put(api, {})).error == (404, "TaskNotFound")


# -- run anew


async def failed(api: Api, **columns: object) -> None:
    """A task of this kind, counted as what it is."""
    await api.add_job()
    await api.add_task("t")
    await api.update(schema.tasks, created=10, **FAILED | columns)
    await api.update(schema.task_counts, active=0, failed=1, wait_time=95, wall_time=100)
    cause = {"job_no": 1, "cause": "c1", "line": "oh", "tasks": 2, "latest": 5}
    await api.database.write(lambda c: c.execute(schema.failure_causes.insert(), cause))


async def test_a_failed_task_waits_anew(api: Api) -> None:
    await failed(api)
    before = await the_row(api)
    async with api.async_client() as client:
        await client.reactivate_task("job", "T")
        found = await client.get_task("job", "t")
        counts = (await client.get_job_task_counts("job")).task_counts
    assert (found.state, found.previous_state, found.node_info) == ("active", "completed", None)
    info = found.execution_info
    assert info is not None
    assert (info.retry_count, info.last_retry_time, info.requeue_count) == (0, None, 1)
    over = (info.start_time, info.end_time, info.exit_code, info.result, info.failure_info)
    assert over == (None,) * 5
    row = await the_row(api)
    assert (row.attempt, row.modified, row.wall_time) == (3, before.modified, 100)
    assert (row.cause, row.assigned, row.staged, row.previous_state_time) == (None, None, None, 200)
    assert (counts.active, counts.failed, counts.completed) == (1, 0, 0)
    counted = await the_row(api, schema.task_counts)
    assert (counted.wait_time, counted.wall_time) == (5, 100), "what it waited is counted when it runs again"
    assert (await the_row(api, schema.failure_causes)).tasks == 1
    assert [event[2] for event in (await api.content())["events"]][-2:] == ["tasks", "task-changed"]
    events = (await api.get("/-/events?cursor=begin")).json["events"]
    assert {name: events[-1].get(name) for name in ("taskId", "state", "previousState", "reason")} == {
        "taskId": "t",
        "state": "active",
        "previousState": "completed",
        "reason": "reactivation",
    }


async def test_files_of_the_run_before_can_be_read_until_the_next(api: Api) -> None:
    await failed(api, files_until=300)
    assert (await api.post("/jobs/job/tasks/t/reactivate")).status == 204
    row = await the_row(api)
    assert (row.node_no, row.node_id, row.files_until) == (1, "node-1", None)
    await api.update(schema.tasks, **FAILED, files_until=None)
    assert (await api.post("/jobs/job/tasks/t/reactivate")).status == 204
    assert (await the_row(api)).node_id is None, "they have been removed"


async def test_a_cause_that_is_no_task_s_any_more_goes(api: Api) -> None:
    await failed(api)
    await api.update(schema.failure_causes, tasks=1)
    assert (await api.post("/jobs/job/tasks/t/reactivate")).status == 204
    assert (await api.content())["failure_causes"] == []


async def test_a_task_that_was_terminated_before_it_ran_may_run_after_all(api: Api) -> None:
    await failed(api, started=None, node_no=None, node_id=None, exit_code=None)
    answer = await api.post("/jobs/job/tasks/t/reactivate")
    assert (answer.status, answer.headers["ETag"]) == (204, (await api.get("/jobs/job/tasks/t")).json["eTag"])
    assert (await the_row(api, schema.task_counts)).wait_time == 95, "it had waited for nothing"


@pytest.mark.parametrize(
    ("task", "job", "code"),
    [
        ({"state": "active", "result": None}, {}, "TaskNotCompleted"),
        ({"state": "leased", "result": None}, {}, "TaskNotCompleted"),
        ({"state": "running", "result": None}, {}, "TaskNotCompleted"),
        ({"result": "success"}, {}, "TaskSucceeded"),
        ({}, {"state": "completed"}, "JobCompleted"),
        ({}, {"state": "terminating"}, "JobBeingTerminated"),
        ({}, {"state": "deleting"}, "JobBeingDeleted"),
        ({"result": "success"}, {"state": "completed"}, "JobCompleted"),
    ],
)
async def test_what_is_not_run_anew(
    api: Api, task: dict[str, object], job: dict[str, object], code: str
) -> None:
    await failed(api, **task)
    if job:
        await api.update(schema.jobs, **job)
    before = await api.content()
    assert (await api.post("/jobs/job/tasks/t/reactivate")).error == (409, code)
    assert await api.content() == before


@pytest.mark.parametrize("state", ["disabled", "disabling", "enabling"])
async def test_a_task_of_a_job_that_is_disabled_waits_for_that(api: Api, state: str) -> None:
    await failed(api)
    await api.update(schema.jobs, state=state)
    assert (await api.post("/jobs/job/tasks/t/reactivate")).status == 204


async def test_a_reactivation_has_its_conditions_and_versions(api: Api) -> None:
    await failed(api)
    before = await api.content()
    target = "/jobs/job/tasks/t/reactivate?api-version="
    answer = await api.raw("POST", f"{target}2025-06-01", None, {"If-Match": "0x1"})
    assert answer.error == (412, "ConditionNotMet")
    assert (await api.raw("POST", f"{target}2016-02-01.3.0")).error == (404, "ResourceNotFound")
    assert (await api.post("/jobs/job/tasks/none/reactivate")).error == (404, "TaskNotFound")
    assert (await api.post("/jobs/none/tasks/t/reactivate")).error == (404, "JobNotFound")
    assert await api.content() == before
    assert (await api.raw("POST", f"{target}2016-07-01.3.1")).status == 204
    async with api.async_client() as client:
        with pytest.raises(HttpResponseError, match="TaskNotCompleted"):
            await client.reactivate_task("job", "t")


# -- subtasks


async def test_an_ordinary_task_has_no_subtasks(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    async with api.async_client() as client:
        assert [one async for one in client.list_subtasks("job", "t")] == []
    for version in ("2016-02-01.3.0", "2025-06-01"):
        answer = await api.raw("GET", f"/jobs/job/tasks/t/subtasksinfo?$select=id&api-version={version}")
        assert answer.json == {"odata.metadata": f"{api.url}/$metadata#subtasksinfo", "value": []}
    assert (await api.get("/jobs/job/tasks/none/subtasksinfo")).error == (404, "TaskNotFound")
    assert (await api.get("/jobs/job/tasks/t/subtasksinfo?$filter=id%20eq%201")).status == 400
