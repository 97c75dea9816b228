"""What is answered besides reasons: to whom, about what, and how a node came up."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from tests.batch.explaining.scenarios.base import (
    DIRECTORY,
    FILES,
    JOB,
    LATER,
    NODE,
    OUTPUT_FILES,
    POOL,
    TASK,
    a_pool,
    a_prepared_job,
    a_task,
    many_tasks,
    on_node,
)
from tests.batch.service import Api, Node

from batchite.store.batch import explaining, schema
from batchite.store.batch.explaining import COUNTED


def codes(answer: Any) -> list[str]:
    return [reason["code"] for reason in answer.json["reasons"]]


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/pools/nothing", (404, "PoolNotFound")),
        ("/pools/nothing/nodes/n", (404, "PoolNotFound")),
        ("/pools/pool/nodes/nothing", (404, "NodeNotFound")),
        ("/jobs/nothing", (404, "JobNotFound")),
        ("/jobs/nothing/tasks/t", (404, "JobNotFound")),
        ("/jobs/job/tasks/nothing", (404, "TaskNotFound")),
        ("/jobs/job/tasks/..%2F..%2Fpool", (404, "TaskNotFound")),
        ("/jobs/%27%20OR%201=1--", (404, "JobNotFound")),
        ("/jobs/%F0%9F%92%A9", (404, "JobNotFound")),
        ("/jobs/" + "x" * 3000, (404, "JobNotFound")),
        ("/jobs/%00", (400, "RequestUrlFailedToParse")),
        ("/jobs/%FF", (400, "RequestUrlFailedToParse")),
        ("/jobs/job/tasks", (404, "ResourceNotFound")),
        ("", (404, "ResourceNotFound")),
        ("/jobs/job?$select=id", (400, "UnsupportedQueryParameter")),
    ],
)
async def test_what_is_not_there(api: Api, target: str, error: tuple[int, str]) -> None:
    await a_pool(api)
    await a_task(api)
    assert (await api.get(f"/-/explain{target}")).error == error


async def test_only_who_may_use_the_api_is_told(api: Api) -> None:
    await a_pool(api)
    answer = await api.raw("GET", f"/-/explain{POOL}", signed=False)
    assert answer.error == (403, "AuthenticationFailed")
    assert (await api.post(f"/-/explain{POOL}")).error == (405, "UnsupportedHttpVerb")


async def test_ids_are_meant_without_regard_to_case_and_told_as_they_are(api: Api) -> None:
    await a_pool(api)
    await a_task(api)
    answer = await api.get(f"/-/explain{TASK.upper().replace('/JOBS', '/jobs').replace('/TASKS', '/tasks')}")
    assert (answer.json["kind"], answer.json["id"], answer.json["jobId"]) == ("task", "t", "job")


async def test_a_job_that_is_being_deleted_and_its_tasks(api: Api) -> None:
    await a_pool(api)
    await a_task(api)
    await a_task(api, "r")
    await on_node(api, "r")
    await api.delete(JOB)
    for target in (JOB, TASK):
        answer = await api.get(f"/-/explain{target}")
        assert answer.json["sentence"].startswith("The job ends (it is deleting):")
    assert codes(await api.get(f"/-/explain{JOB}/tasks/r"))[0] == "TaskRunning"


async def test_a_task_that_somebody_has_deleted_is_gone(api: Api) -> None:
    await a_pool(api)
    await a_task(api)
    await api.delete(TASK)
    assert (await api.get(f"/-/explain{TASK}")).error == (404, "TaskNotFound")


async def test_of_a_task_that_somebody_has_ended_nothing_else_is_said(api: Api) -> None:
    await a_pool(api)
    await a_task(api)
    await api.post(f"{TASK}/terminate")
    assert codes(await api.get(f"/-/explain{TASK}")) == ["TaskEnding"]


async def test_a_job_that_only_its_release_tasks_keep_says_that_first(api: Api) -> None:
    await a_pool(api)
    await a_prepared_job(api, standing="ready", release="wanted")
    await api.post(f"{JOB}/terminate")
    assert codes(await api.get(f"/-/explain{JOB}"))[:2] == ["JobReleases", "JobEnding"]
    await on_node(api, "t")
    assert codes(await api.get(f"/-/explain{JOB}")) == ["JobEnding", "NothingWaits"]


async def test_a_job_that_is_being_disabled_and_one_without_its_pool(api: Api) -> None:
    await a_task(api)
    answer = await api.get(f"/-/explain{JOB}")
    assert answer.json["sentence"] == "The pool pool that the job names does not exist."
    await a_pool(api)
    await on_node(api, "t")
    await api.update(schema.jobs, state="disabling")
    assert codes(await api.get(f"/-/explain{JOB}")) == ["JobDisabling", "NothingWaits"]


async def test_a_manager_that_takes_a_whole_node_says_so(api: Api) -> None:
    await a_pool(api, taskSlotsPerNode=4)
    await api.add_job(jobManagerTask={"id": "t", "commandLine": "true"})
    assert codes(await api.get(f"/-/explain{TASK}")) == ["TaskNext"]
    await api.add_task("other")
    await on_node(api, "other")
    reasons = (await api.get(f"/-/explain{TASK}")).json["reasons"]
    assert [(one["code"], one["blocking"]) for one in reasons] == [
        ("SlotsTaken", True),
        ("ManagerRunsAlone", False),
    ]
    assert (reasons[0]["wanted"], reasons[0]["free"], reasons[1]["slots"]) == (4, 3, 4)


async def test_one_of_the_tasks_that_wait_for_others_is_named(api: Api) -> None:
    await a_pool(api)
    await api.add_job(usesTaskDependencies=True)
    for name in ("a", "b"):
        await api.add_task(name, dependsOn={"taskIds": ["later"]})
    (found,) = (await api.get(f"/-/explain{JOB}")).json["reasons"]
    assert (found["code"], found["tasks"], found["task"]) == ("TasksBlocked", 2, "a")


@pytest.mark.parametrize("kept", [True, False])
async def test_files_that_are_kept_no_more_are_told_of(api: Api, kept: bool) -> None:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    await api.update_task("t", state="completed", result="success", files_until=LATER if kept else None)
    assert ("TaskFilesGone" in codes(await api.get(f"/-/explain{TASK}"))) != kept


async def test_a_running_task_whose_node_is_out_of_contact(api: Api) -> None:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    api.owner.out_of_contact = {"n"}
    answer = await api.get(f"/-/explain{TASK}")
    assert codes(answer) == ["NodeOutOfContact", "TaskRunning"]


async def test_a_job_with_tasks_of_several_sizes(api: Api) -> None:
    await a_pool(api, taskSlotsPerNode=2)
    await a_task(api, "small")
    await a_task(api, "large", requiredSlots=4)
    answer = await api.get(f"/-/explain{JOB}")
    assert codes(answer) == ["NodeTooSmall", "TaskNext"]


async def test_why_tasks_wait_for_nodes_is_told_with_numbers_of_nodes(api: Api) -> None:
    await a_pool(api, 3, "starttaskfailed")
    await api.update(schema.nodes, start_task_exit_code=7)
    await a_task(api)
    answer = await api.get(f"/-/explain{TASK}")
    assert answer.json["sentence"] == "3 nodes are unusable: the start task failed with exit code 7."
    assert answer.json["reasons"][0]["affectedNodes"] == 3
    assert answer.json["reasons"][0]["exampleNode"] == "n"


async def test_a_failed_start_task_comes_with_its_last_lines(api: Api) -> None:
    await a_pool(api, state="starttaskfailed")
    errors = (
        b"x" * 5000
        + b"\n"
        + b"\n".join(b"line %d" % number for number in range(100))
        + b"\nno \xff package\n"
    )
    api.files.nodes["n"] = Node({"startup/stderr.txt": errors, "startup/stdout.txt": b""})
    answer = await api.get(f"/-/explain{NODE}")
    (name,) = answer.json["startTaskOutput"]
    lines = answer.json["startTaskOutput"][name].splitlines()
    assert (name, len(lines)) == ("stderr.txt", 20)
    assert lines[-2:] == ["line 99", "no \ufffd package"]


@pytest.mark.parametrize("files", [None, Node(), Node({"startup/stderr.txt": b"oh no"}, leaves=True)])
async def test_a_failed_start_task_whose_output_cannot_be_had(api: Api, files: Node | None) -> None:
    await a_pool(api, state="starttaskfailed")
    if files is not None:
        api.files.nodes["n"] = files
    answer = await api.get(f"/-/explain{NODE}")
    assert codes(answer) == ["NodeStartTaskFailed"]
    assert "startTaskOutput" not in answer.json


async def test_how_a_node_came_up(api: Api) -> None:
    await a_pool(api)
    second = 10_000_000
    await api.update(schema.nodes, boot_requested=second, boot_begun=2 * second, boot_heard=4 * second)
    answer = await api.get(f"/-/explain{NODE}")
    assert answer.json["boot"] == [
        {"stage": "requested", "time": "1970-01-01T00:00:01Z"},
        {"stage": "allocated", "time": "1970-01-01T00:00:02Z", "duration": "PT1S"},
        {"stage": "agentUp", "time": "1970-01-01T00:00:04Z", "duration": "PT2S"},
    ]


async def test_how_a_task_came_to_where_it_is(api: Api) -> None:
    await a_pool(api)
    await a_task(api)
    second = 10_000_000
    await api.update_task("t", state="running", node_no=1, node_id="n", created=second, started=4 * second)
    await api.update_task("t", assigned=2 * second)
    answer = await api.get(f"/-/explain{TASK}")
    assert answer.json["course"] == [
        {"step": "added", "time": "1970-01-01T00:00:01Z"},
        {"step": "assigned", "time": "1970-01-01T00:00:02Z", "duration": "PT1S"},
        {"step": "started", "time": "1970-01-01T00:00:04Z", "duration": "PT2S"},
    ]


@pytest.mark.parametrize(
    ("defined", "files", "code"),
    [
        ({"resourceFiles": FILES}, Node({DIRECTORY: None}), "TaskFetchesFiles"),
        ({"resourceFiles": FILES}, Node({f"{DIRECTORY}/stdout.txt": b""}), "TaskRunning"),
        ({"resourceFiles": FILES}, None, "TaskRunning"),
        ({"outputFiles": OUTPUT_FILES}, Node({DIRECTORY: None}), "TaskRunning"),
        ({"outputFiles": OUTPUT_FILES}, Node({f"{DIRECTORY}/fileuploadout.txt": b""}), "TaskUploadsFiles"),
        ({"outputFiles": OUTPUT_FILES}, None, "TaskRunning"),
    ],
)
async def test_a_task_that_runs_may_still_fetch_its_files_or_already_upload_them(
    api: Api, defined: dict[str, object], files: Node | None, code: str
) -> None:
    """Its node says so; a task without such files does neither."""
    await a_pool(api)
    await a_task(api, **defined)
    await a_task(api, "bare")
    for task in ("t", "bare"):
        await on_node(api, task)
    if files is not None:
        api.files.nodes["n"] = files
    assert codes(await api.get(f"/-/explain{TASK}")) == [code]
    assert codes(await api.get(f"/-/explain{JOB}/tasks/bare")) == ["TaskRunning"]


async def test_a_start_task_that_is_run_again(api: Api) -> None:
    await a_pool(api, state="waitingforstarttask")
    info = b'{"state":"completed","retryCount":2}'
    await api.update(schema.nodes, start_task_exit_code=5, start_task_info=info)
    answer = await api.get(f"/-/explain{NODE}")
    (reason,) = answer.json["reasons"]
    assert (reason["retries"], reason["exitCode"]) == (2, 5)
    assert "it failed with exit code 5 and is run again" in answer.json["sentence"]


@pytest.mark.parametrize("target", [TASK, JOB, POOL, NODE])
async def test_no_queue_is_read_through(api: Api, target: str) -> None:
    """Neither tasks nor jobs are read but by keys and stretches of indexes, whose length is limited."""
    engine = api.database.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("plans are told in the words of SQLite")
    await a_pool(api)
    await a_task(api, "first")
    await a_task(api)
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        assert (await api.get(f"/-/explain{target}")).status == 200
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    questions = [question for question in asked if question[0].startswith("SELECT")]

    def plan(connection: sa.Connection) -> list[str]:
        plans = (connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", given) for each, given in questions)
        return [str(row[-1]) for rows in plans for row in rows]

    steps = await api.database.read(plan)
    reads_tasks = any(step.startswith("SEARCH tasks") for step in steps)
    assert reads_tasks is (target != POOL), "whether a pool grows has nothing to do with them"
    assert [step for step in steps if step.startswith(("SCAN tasks", "SCAN jobs", "SCAN due"))] == []
    whole_job = [step for step in steps if step.startswith("SEARCH tasks") and step.endswith("(job_no=?)")]
    assert whole_job == []


async def test_a_long_queue_is_counted_no_further_than_it_is_told(api: Api) -> None:
    await a_pool(api)
    await a_task(api, "first")
    await many_tasks(api, COUNTED + 50)
    await a_task(api)
    before = await api.database.read(lambda c: explaining.tasks_before(c, 1, [1], 0, 1_000_000))
    assert before == COUNTED + 1
    assert (await api.get(f"/-/explain{TASK}")).json["reasons"][-1]["tasks"] == COUNTED


@pytest.mark.parametrize(
    ("code", "exit_code", "of_task", "of_dependant"),
    [
        (
            "FailureExitCode",
            3,
            "The task is over: failure, exit code 3.",
            "The task depends on task a, which has failed with exit code 3 and so keeps it.",
        ),
        (
            "FileUploadMiscError",
            0,
            "The task is over: failure, exit code 0. The upload failed.",
            "The task depends on task a, which has failed and so keeps it. The upload failed.",
        ),
        (
            "TaskEnded",
            None,
            "The task is over: failure. The upload failed.",
            "The task depends on task a, which has failed and so keeps it. The upload failed.",
        ),
    ],
)
async def test_failures_are_told_by_what_they_are(
    api: Api, code: str, exit_code: int | None, of_task: str, of_dependant: str
) -> None:
    """Output files that are not there fail a task with exit code 0, which alone would say nothing."""
    await api.add_job(usesTaskDependencies=True)
    await api.add_task("a")
    await api.add_task("t", dependsOn={"taskIds": ["a"]})
    failure = {"category": "usererror", "code": code, "message": "The upload failed."}
    await api.update_task(
        "a", state="completed", result="failure", exit_code=exit_code, failure=json.dumps(failure).encode()
    )
    assert (await api.get(f"/-/explain{JOB}/tasks/a")).json["sentence"] == of_task
    assert (await api.get(f"/-/explain{TASK}")).json["sentence"] == of_dependant


async def test_a_task_that_prepares_is_none_of_those_that_wait(api: Api) -> None:
    """Beside one that takes as many slots, there would be nothing to say of that one."""
    await a_pool(api)
    await a_prepared_job(api, standing="wanted")
    await api.add_task("second")
    await api.update_task("t", state="preparing", node_no=1, node_id="n")
    await api.update(schema.task_counts, active=1, running=1)
    assert codes(await api.get(f"/-/explain{JOB}")) == ["SlotsTaken"]
