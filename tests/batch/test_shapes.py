"""In every state, at every version, an answer has what that version knows and all that is always there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from azure.batch import models
from azure.batch._utils.model_base import Model as OfficialModel
from tests.batch.job_schedules.whole import SCHEDULE
from tests.batch.jobs.whole import JOB
from tests.batch.service import Api
from tests.batch.tasks.whole import TASK
from tests.batch.whole import check_known, check_shape, for_the_client, lowered

from batchite.configuration.accounts import DEVELOPMENT_BATCH_NAME
from batchite.resources import states
from batchite.store.batch import schema
from batchite.wire.batch.models.applications import BatchApplication
from batchite.wire.batch.models.counts import BatchTaskCountsResult
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.job_schedules import BatchJobSchedule
from batchite.wire.batch.models.job_tasks import BatchJobPreparationAndReleaseTaskStatus
from batchite.wire.batch.models.jobs import BatchJob
from batchite.wire.batch.models.tasks import BatchTask
from batchite.wire.batch.versions import NEWEST, OLDER

SECOND = 10_000_000
FAILURE = json.dumps(
    {"category": "usererror", "code": "C", "message": "m", "details": [{"name": "n", "value": "v"}]}
).encode()
BEFORE = {"previous_state": "active", "previous_state_time": SECOND}
OVER = {"ended": 5 * SECOND, **BEFORE}

JOBS: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "active": ({}, {"startTime", "poolId"}),
    "disabling": ({"state": "disabling", "tasks_option": "wait", **BEFORE}, {"startTime", "poolId"}),
    "disabled": ({"state": "disabled", "tasks_option": "wait", **BEFORE}, {"startTime", "poolId"}),
    "enabling": ({"state": "enabling", **BEFORE}, {"startTime", "poolId"}),
    "terminating": (
        {"state": "terminating", "terminate_reason": "r", **BEFORE},
        {"startTime", "poolId"},
    ),
    "completed": (
        {"state": "completed", "terminate_reason": "r", **OVER},
        {"startTime", "poolId", "endTime", "terminateReason"},
    ),
    "not-scheduled": (
        {"state": "completed", "scheduling_error": FAILURE, **OVER},
        {"startTime", "endTime", "schedulingError"},
    ),
    "deleting": (
        {"state": "deleting", "terminate_reason": "r", **OVER},
        {"startTime", "poolId"},
    ),
}
"""Columns, and what is told of its course."""

COUNTS = {"retryCount", "requeueCount"}
RUN = {"node_no": 1, "node_id": "n1", "attempt": 1, "assigned": SECOND, "started": 2 * SECOND, **BEFORE}
DONE = {**RUN, "state": "completed", "ended": 5 * SECOND, "state_time": 5 * SECOND, "wall_time": SECOND}
RETRIED = {"retry_count": 1, "last_retry": 3 * SECOND, "requeue_count": 1, "last_requeue": 4 * SECOND}

TASKS: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "active": ({}, COUNTS),
    "blocked": ({"state": "blocked", "awaits": "task-first"}, COUNTS),
    "leased": ({**RUN, "state": "leased", "started": None}, COUNTS),
    "preparing": ({**RUN, "state": "preparing"}, COUNTS | {"startTime"}),
    "running": ({**RUN, "state": "running"}, COUNTS | {"startTime"}),
    "ending": ({**RUN, "state": "running", "intent": "terminate"}, COUNTS | {"startTime"}),
    "completed": (
        {**DONE, "exit_code": 0, "result": "success"},
        COUNTS | {"startTime", "endTime", "exitCode", "result"},
    ),
    "failed": (
        {**DONE, **RETRIED, "exit_code": 3, "result": "failure", "failure": FAILURE},
        COUNTS
        | {"startTime", "endTime", "exitCode", "result", "failureInfo", "lastRetryTime", "lastRequeueTime"},
    ),
    "never-run": (
        {**OVER, "state": "completed", "result": "failure", "failure": FAILURE},
        COUNTS | {"endTime", "result", "failureInfo"},
    ),
    "again": (
        {**RUN, **RETRIED, "state": "active", "previous_state": "running"},
        COUNTS | {"lastRetryTime", "lastRequeueTime"},
    ),
}

SCHEDULES: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "active": ({"next_run": 9 * SECOND}, {"nextRunTime"}),
    "at-work": ({"next_run": 9 * SECOND, "last_run": SECOND, "jobs_made": 2}, {"nextRunTime", "recentJob"}),
    "disabled": ({"state": "disabled", "next_run": None, **BEFORE}, set()),
    "terminating": ({"state": "terminating", "next_run": None, "jobs_made": 1, **BEFORE}, {"recentJob"}),
    "completed": (
        {"state": "completed", "next_run": None, "jobs_made": 1, **OVER},
        {"recentJob", "endTime"},
    ),
    "deleting": ({"state": "deleting", "next_run": None, **BEFORE}, set()),
}


def of(task: str, **columns: object) -> dict[str, object]:
    return {f"{task}_{name}": value for name, value in columns.items()}


BEGUN = of("preparation", state="running", start=SECOND)
READY = of("preparation", state="completed", start=SECOND, end=2 * SECOND, exit_code=0, result="success")
ON_NODES: Mapping[str, tuple[dict[str, Any], set[str], set[str] | None]] = {
    "n1": (BEGUN, set(), None),
    "n2": ({**BEGUN, **of("preparation", retries=1, last_retry=SECOND)}, {"lastRetryTime"}, None),
    "n3": (READY, {"endTime", "exitCode", "result"}, None),
    "n4": (
        {**READY, **of("preparation", exit_code=3, result="failure", failure=FAILURE)},
        {"endTime", "exitCode", "result", "failureInfo"},
        None,
    ),
    "n5": (
        {**READY, **of("release", state="running", start=3 * SECOND)},
        {"endTime", "exitCode", "result"},
        set(),
    ),
    "n6": (
        {
            **READY,
            **of("release", state="completed", start=SECOND, end=SECOND, exit_code=0, result="success"),
        },
        {"endTime", "exitCode", "result"},
        {"endTime", "exitCode", "result"},
    ),
    "n7": (
        {**READY, **of("release", state="completed", start=1, end=2, result="failure", failure=FAILURE)},
        {"endTime", "exitCode", "result"},
        {"endTime", "result", "failureInfo"},
    ),
}
"""Columns, and what is told of preparation and release besides what always is."""


async def change(api: Api, table: sa.Table, rows: Mapping[str, dict[str, Any]]) -> None:
    """What the owner of the shards would, by ids."""

    def write(connection: sa.Connection) -> None:
        for id, values in rows.items():
            if values:
                connection.execute(sa.update(table).where(table.c.id == id).values(**values))

    await api.database.write(write)


async def listed(
    api: Api, path: str, model: type[Model], official: type[OfficialModel], *, stats: bool = True
) -> list[dict[str, Any]]:
    """All that is listed, after it has been looked at in every version."""
    newest: list[dict[str, Any]] = []
    for version in (NEWEST, *OLDER):
        query = f"api-version={version}{'&$expand=stats' if stats else ''}"
        answer = await api.raw("GET", f"{path}?{query}")
        assert answer.status == 200, (version, answer.body)
        items = answer.json["value"]
        newest = newest or items
        expected = [lowered(model, item, version) for item in newest]
        assert settled(items) == settled(expected), version
        for item in items:
            check_shape(model, item, version)
    for item in newest:
        check_known(official, item)
        assert ("stats" in item) == stats
    return newest


def settled(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without statistics, which tell when they were made."""
    return [{name: value for name, value in item.items() if name != "stats"} for item in items]


async def check_each(
    api: Api,
    path: str,
    model: type[Model],
    official: type[OfficialModel],
    found: list[dict[str, Any]],
    told: Mapping[str, set[str]],
) -> None:
    """That each one is the same alone, and that of its course there is told what is to be."""
    assert [item["id"] for item in found] == list(told)
    for item in found:
        assert item["executionInfo"].keys() == told[item["id"]], item["id"]
        assert ("previousState" in item) == ("previousStateTransitionTime" in item)
        one = (await api.get(f"{path}/{item['id']}?$expand=stats")).json
        assert one.pop("odata.metadata")
        check_known(official, one)
        assert one.keys() == item.keys()
        assert settled([one]) == settled([item])
        for version in (min(OLDER), max(OLDER)):
            alone = await api.raw("GET", f"{path}/{item['id']}?api-version={version}")
            check_shape(model, alone.json, version)


def test_no_state_is_forgotten() -> None:
    def of_rows(rows: Mapping[str, tuple[dict[str, Any], set[str]]]) -> set[str]:
        return {values.get("state", "active") for values, _ in rows.values()}

    assert of_rows(JOBS) == states.JOB.keys()
    assert of_rows(TASKS) == states.TASK.keys()
    assert of_rows(SCHEDULES) == states.SCHEDULE.keys()


async def test_jobs(api: Api) -> None:
    for id in JOBS:
        assert (await api.post("/jobs", {**for_the_client(JOB), "id": id})).status == 201
    await change(api, schema.jobs, {id: values for id, (values, _) in JOBS.items()})
    found = await listed(api, "/jobs", BatchJob, models.BatchJob)
    await check_each(
        api, "/jobs", BatchJob, models.BatchJob, found, {id: told for id, (_, told) in JOBS.items()}
    )


async def test_tasks(api: Api) -> None:
    await api.add_job(usesTaskDependencies=True, onTaskFailure="performexitoptionsjobaction")
    for id in TASKS:
        assert (await api.post("/jobs/job/tasks", {**TASK, "id": id})).status == 201
    fresh = {"state": "active", "awaits": None}
    await change(api, schema.tasks, {id: {**fresh, **values} for id, (values, _) in TASKS.items()})
    found = await listed(api, "/jobs/job/tasks", BatchTask, models.BatchTask)
    told = {id: told for id, (_, told) in TASKS.items()}
    await check_each(api, "/jobs/job/tasks", BatchTask, models.BatchTask, found, told)
    for item in found:
        assert item["state"] == states.shown(TASKS[item["id"]][0].get("state", "active"))
        assert ("nodeInfo" in item) == ("startTime" in item["executionInfo"])


async def test_task_counts(api: Api) -> None:
    await api.add_job()
    await api.add_task("one", requiredSlots=2)
    newest = (await api.get("/jobs/job/taskcounts")).json
    check_known(models.BatchTaskCountsResult, newest)
    check_shape(BatchTaskCountsResult, newest, NEWEST)
    nothing = {"running": 0, "completed": 0, "succeeded": 0, "failed": 0}
    assert newest["taskCounts"] == {"active": 1, **nothing}
    assert newest["taskSlotCounts"] == {"active": 2, **nothing}


async def test_job_schedules(api: Api) -> None:
    for id in SCHEDULES:
        assert (await api.post("/jobschedules", {**for_the_client(SCHEDULE), "id": id})).status == 201
    await change(api, schema.job_schedules, {id: values for id, (values, _) in SCHEDULES.items()})
    found = await listed(api, "/jobschedules", BatchJobSchedule, models.BatchJobSchedule)
    told = {id: told for id, (_, told) in SCHEDULES.items()}
    await check_each(api, "/jobschedules", BatchJobSchedule, models.BatchJobSchedule, found, told)


async def test_job_preparation_and_release(api: Api) -> None:
    await api.post("/jobs", JOB)
    row = {"job_no": 1, "pool_id": "Pool", "standing": "over", "reruns": True}
    rows = [{**row, "node_no": int(id[1:]), "node_id": id, **values} for id, (values, *_) in ON_NODES.items()]
    for one in rows:
        await api.database.write(lambda c, one=one: c.execute(sa.insert(schema.job_nodes), one))
    model, official = BatchJobPreparationAndReleaseTaskStatus, models.BatchJobPreparationAndReleaseTaskStatus
    path = "/jobs/whole/jobpreparationandreleasetaskstatus"
    found = await listed(api, path, model, official, stats=False)
    assert [item["nodeId"] for item in found] == list(ON_NODES)
    always = {"startTime", "state", "taskRootDirectory", "taskRootDirectoryUrl"}
    for item in found:
        _, preparation, release = ON_NODES[item["nodeId"]]
        shown = item["jobPreparationTaskExecutionInfo"]
        assert shown.keys() == always | {"retryCount"} | preparation
        assert ("jobReleaseTaskExecutionInfo" in item) == (release is not None)
        if release is not None:
            assert item["jobReleaseTaskExecutionInfo"].keys() == always | release


async def test_applications(api: Api) -> None:
    row = {"account": DEVELOPMENT_BATCH_NAME, "allow_updates": True, "created": 1, "modified": 1}
    package = {"digest": "0", "size": 1, "unpacked": 1, "files": 1, "created": 1}

    def write(connection: sa.Connection) -> None:
        for number, name in ((1, None), (2, "The second")):
            names = {"application_no": number, "key": f"a{number}", "id": f"A{number}", "display_name": name}
            connection.execute(sa.insert(schema.applications).values(**row, **names))
            for version in ("1", "2.0-Beta")[:number]:
                names = {"application_no": number, "key": version.lower(), "version": version}
                connection.execute(sa.insert(schema.packages).values(**package, **names))

    await api.database.write(write)
    found = await listed(api, "/applications", BatchApplication, models.BatchApplication, stats=False)
    assert found == [
        {"id": "A1", "displayName": "A1", "versions": ["1"]},
        {"id": "A2", "displayName": "The second", "versions": ["1", "2.0-Beta"]},
    ]
    one = (await api.get("/applications/a2")).json
    assert one.pop("odata.metadata")
    assert one == found[1]
