"""Manager tasks of jobs, as the API has them."""

import asyncio
from typing import Any

import msgspec
import pytest
from azure.batch import models
from tests.batch.service import VERSION, Api

from batchite.resources.rules import ManagerRules, of_stored_task
from batchite.store.batch import schema

MANAGER = {"id": "Boss", "commandLine": "manage"}


async def test_it_is_added_with_its_job(api: Api) -> None:
    """As an ordinary task, in one transaction, with the defaults of the protocol."""

    def program() -> tuple[models.BatchJob, list[models.BatchTask]]:
        manager = models.BatchJobManagerTask(id="Boss", command_line="manage")
        info = models.BatchPoolInfo(pool_id="pool")
        limits = models.BatchJobConstraints(max_task_retry_count=3)
        options = models.BatchJobCreateOptions(
            id="job", pool_info=info, constraints=limits, job_manager_task=manager
        )
        with api.client() as client:
            client.create_job(options)
            client.update_job("job", models.BatchJobUpdateOptions(constraints=models.BatchJobConstraints()))
            return client.get_job("job"), list(client.list_tasks("job"))

    job, (task,) = await asyncio.to_thread(program)
    shown = job.job_manager_task
    assert shown is not None
    assert (shown.kill_job_on_completion, shown.run_exclusive, shown.allow_low_priority_node) == (
        True, True, True,
    )  # fmt: skip
    assert (shown.required_slots, shown.constraints.max_task_retry_count) == (1, 3)
    assert shown.user_identity.auto_user.scope == "pool"
    assert (task.id, task.state, task.command_line, task.required_slots) == ("Boss", "active", "manage", 1)
    assert (task.constraints.max_task_retry_count, task.constraints.retention_time.days) == (3, 7)
    (counts,) = await api.rows(schema.task_counts)
    assert counts.active == 1
    assert (await api.add_task("boss")).error == (409, "TaskExists")


async def test_its_rules_outlast_a_change_of_its_constraints(api: Api) -> None:
    await api.add_job(jobManagerTask={**MANAGER, "runExclusive": False, "killJobOnCompletion": False})
    changed = await api.raw(
        "PUT", f"/jobs/job/tasks/boss?{VERSION}", {"constraints": {"maxTaskRetryCount": 2}}
    )
    assert changed.status == 200
    (task,) = await api.rows(schema.tasks)
    rules = of_stored_task(task.rules)
    assert (rules.manager, rules.max_retries) == (ManagerRules(runs_alone=False, kills_job=False), 2)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"id": ""}, (400, "InvalidPropertyValue")),
        ({"commandLine": ""}, (400, "InvalidPropertyValue")),
        ({"requiredSlots": 0}, (400, "InvalidPropertyValue")),
        ({"requiredSlots": 2}, (400, "InvalidPropertyValue")),
        ({"requiredSlots": 2, "runExclusive": False}, (400, "InvalidPropertyValue")),
        ({"constraints": {"maxTaskRetryCount": -2}}, (400, "InvalidPropertyValue")),
        ({"containerSettings": {"imageName": "x"}}, (400, "UnsupportedProperty")),
        ({"authenticationTokenSettings": {"access": ["job"]}}, (400, "InvalidRequestBody")),
        ({"dependsOn": {}}, (400, "InvalidRequestBody")),
        (
            {"resourceFiles": [{"httpUrl": f"http://h/{'x' * 100}", "filePath": str(n)} for n in range(300)]},
            (413, "RequestEntityTooLarge"),
        ),
    ],
)
async def test_what_no_manager_can_be(api: Api, more: dict[str, Any], error: tuple[int, str]) -> None:
    before = await api.content()
    answer = await api.add_job(jobManagerTask={**MANAGER, **more})
    assert answer.error == error
    assert await api.content() == before


async def test_the_ids_of_the_tasks_of_a_job_itself(api: Api) -> None:
    preparation = {"jobPreparationTask": {"id": "boss", "commandLine": "true"}}
    refused = await api.add_job(jobManagerTask=MANAGER, **preparation)
    assert refused.error == (409, "TaskIdSameAsJobPreparationTask")
    assert 'jobManagerTask.id is "Boss"' in refused.message
    assert {"key": "PropertyName", "value": "jobManagerTask.id"} in refused.json["values"]


async def test_a_job_that_is_refused_has_no_manager(api: Api) -> None:
    await api.add_job(jobManagerTask=MANAGER)
    assert (await api.add_job(jobManagerTask={**MANAGER, "id": "other"})).error == (409, "JobExists")
    assert [task.id for task in await api.rows(schema.tasks)] == ["Boss"]


async def test_a_manager_of_an_older_version(api: Api) -> None:
    """Of before low-priority nodes, whose default holds."""
    body = {"id": "job", "poolInfo": {"poolId": "pool"}, "jobManagerTask": MANAGER}
    old = "api-version=2016-07-01.3.1"
    assert (await api.raw("POST", f"/jobs?{old}", body)).status == 201
    shown = (await api.raw("GET", f"/jobs/job?{old}")).json["jobManagerTask"]
    assert "allowLowPriorityNode" not in shown
    assert (shown["killJobOnCompletion"], shown["runExclusive"]) == (True, True)
    (task,) = await api.rows(schema.tasks)
    assert msgspec.json.decode(task.definition)["commandLine"] == "manage"
