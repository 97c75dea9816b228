"""`status`, `pool`, `node`, `schedule`, `job` and `task`, against a service that runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from click.testing import CliRunner, Result
from tests.product.survival.house import until
from tests.wire.batch.validation.test_logins import KEY

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.testing import RunningService, running_service

JOBS = ("first", "second")


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    """With a pool of one node, two jobs, and a task of the same name in each."""
    with running_service() as running:
        credential = AzureNamedKeyCredential(running.batch_account, running.batch_key)
        client = BatchClient(running.batch_url, credential)
        image = m.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        )
        machine = m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        )
        client.create_pool(
            m.BatchPoolCreateOptions(
                id="p",
                vm_size="standard_a1_v2",
                virtual_machine_configuration=machine,
                target_dedicated_nodes=1,
            )
        )
        for job in JOBS:
            client.create_job(m.BatchJobCreateOptions(id=job, pool_info=m.BatchPoolInfo(pool_id="p")))
            line = f"/bin/sh -c 'echo said by {job}; echo complained >&2'"
            client.create_task(job, m.BatchTaskCreateOptions(id="t", command_line=line))
        client.create_task("first", m.BatchTaskCreateOptions(id="only", command_line="/bin/false"))
        until(
            lambda: all(task.state == "completed" for job in JOBS for task in client.list_tasks(job)),
            "the tasks end",
        )
        yield running


def run(service: RunningService, *words: str) -> Result:
    return CliRunner().invoke(application(), [*words, "--data-dir", str(service.data_dir)])


def told(service: RunningService, *words: str) -> Any:
    answer = run(service, *words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


def table(service: RunningService, *words: str) -> list[dict[str, str]]:
    head, *rows = (line.split("\t") for line in run(service, *words).output.splitlines())
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_status(service: RunningService) -> None:
    found = told(service, "status")
    assert found["running"] is True
    assert found["batch"] == service.batch_url
    assert (found["pools"], found["jobs"]) == ({"active": 1}, {"active": 2})
    assert found["nodes"] == {"idle": 1}
    lines = run(service, "status").output.splitlines()
    assert ["jobs", "2", "active"] in [line.split() for line in lines]


def test_lists_are_tables_for_people_and_the_apis_own_json(service: RunningService) -> None:
    (pool,) = table(service, "pool", "list")
    assert (pool["ID"], pool["STATE"], pool["NODES"]) == ("p", "active", "1/1")
    (node,) = table(service, "node", "list")
    assert (node["POOL"], node["STATE"]) == ("p", "idle")
    assert (node["TIER"], node["IMAGE"], node["ADDRESS"]) == ("process", "host", "127.0.0.1")
    assert node["PROCESSES"] == "1"
    assert re.fullmatch(r"[1-9]\d* MiB", node["MEMORY"])
    assert re.fullmatch(r"\d+ MiB", node["DISK"])
    assert re.fullmatch(r"\d+\.\d s", node["PROCESSOR"])
    assert [job["id"] for job in told(service, "job", "list")] == list(JOBS)
    tasks = table(service, "task", "list")
    assert {(task["JOB"], task["ID"]) for task in tasks} == {
        ("first", "t"),
        ("first", "only"),
        ("second", "t"),
    }
    assert {task["RESULT"] for task in tasks if task["ID"] == "only"} == {"failure"}


def test_lists_are_filtered_and_limited(service: RunningService) -> None:
    assert [task["id"] for task in told(service, "task", "list", "--filter", "id eq 'only'")] == ["only"]
    assert len(told(service, "task", "list", "--limit", "2")) == 2
    assert told(service, "task", "list", "--job", "second", "--filter", "id eq 'only'") == []


def test_show(service: RunningService) -> None:
    assert told(service, "pool", "show", "p")["vmSize"] == "standard_a1_v2"
    (node,) = told(service, "node", "list")
    shown = told(service, "node", "show", node["id"])
    assert shown["state"] == "idle"
    assert {"tier": "process", "image": "host", "processes": 1}.items() <= shown["batchite"].items()
    assert node["batchite"].keys() == shown["batchite"].keys()
    assert "batchite node shell" in shown["batchite"]["login"]
    assert told(service, "task", "show", "only")["executionInfo"]["exitCode"] == 1
    lines = [line.split() for line in run(service, "task", "show", "only").output.splitlines()]
    assert ["exitCode", "1"] in lines


def test_of_several_the_meant_one_has_to_be_named(service: RunningService) -> None:
    answer = run(service, "task", "show", "t")
    assert answer.exit_code == exits.USAGE
    assert "first, second" in answer.output
    assert "--job" in answer.output
    assert told(service, "task", "show", "t", "--job", "second")["id"] == "t"


def test_failures_are_counted_by_cause(service: RunningService) -> None:
    found = told(service, "job", "failures", "first")
    (cause,) = found["causes"]
    assert (found["jobId"], found["count"], cause["count"]) == ("first", 1, 1)
    assert (cause["code"], cause["exitCode"]) == ("FailureExitCode", 1)
    head, row = run(service, "job", "failures", "FIRST").stdout.splitlines()
    assert head.split("\t")[:2] == ["TASKS", "CAUSE"]
    assert row.split("\t")[:2] == ["1", cause["cause"]]
    assert told(service, "job", "failures", "second")["causes"] == []
    assert run(service, "job", "failures", "nowhere").exit_code == exits.NOT_FOUND


def test_explain_says_why_and_what_to_do_next(service: RunningService) -> None:
    lines = run(service, "task", "explain", "only").output.splitlines()
    assert lines[:2] == [
        "The task is over: failure, exit code 1.",
        "See what it printed: batchite task logs. If it failed, run it anew: batchite task reactivate.",
    ]
    steps = ["STEP", "added", "assigned", "started", "ended"]
    assert [line.split("\t")[0] for line in lines[3:]] == steps
    found = told(service, "task", "explain", "t", "--job", "second")
    assert (found["jobId"], found["reasons"][0]["code"]) == ("second", "TaskCompleted")
    assert run(service, "task", "explain", "t").exit_code == exits.USAGE
    assert told(service, "job", "explain", "first")["reasons"][0]["code"] == "JobEmpty"
    assert told(service, "pool", "explain", "p")["reasons"][0]["code"] == "PoolComplete"


def test_explain_tells_how_a_node_came_up(service: RunningService) -> None:
    (node,) = told(service, "node", "list")
    found = told(service, "node", "explain", node["id"])
    stages = [stage["stage"] for stage in found["boot"]]
    assert stages == ["requested", "allocated", "agentUp", "idle"]
    lines = run(service, "node", "explain", node["id"], "--pool", "p").output.splitlines()
    assert lines[0] == "The node has 1 slot free for the next task."
    assert [line.split("\t")[0] for line in lines[3:]] == ["STAGE", *stages]


def test_what_an_agent_says_is_printed(service: RunningService) -> None:
    (node,) = told(service, "node", "list")
    assert told(service, "node", "log", node["id"], "--pool", "p").keys() == {"nodeId", "log"}
    assert run(service, "node", "log", node["id"]).exit_code == 0
    assert run(service, "node", "log", "nosuch").exit_code == exits.NOT_FOUND


def test_tasks_are_searched_for_by_words(service: RunningService) -> None:
    assert [task["id"] for task in told(service, "task", "search", "first")] == ["only", "t"]
    (task,) = told(service, "task", "search", "first", "state:failed", "exit:1")
    assert (task["id"], task["state"], task["exitCode"]) == ("only", "failed", 1)
    (cause,) = told(service, "job", "failures", "first")["causes"]
    head, row = run(service, "task", "search", "first", f"cause:{cause['cause']}").stdout.splitlines()
    assert head.startswith("ID\tSTATE\tEXIT\t")
    assert row.startswith("only\tfailed\t1\t")
    (task,) = told(service, "task", "search", "first", "state:completed -id:only")
    assert task["id"] == "t"
    assert told(service, "task", "search", "first", "--limit", "1")[0]["id"] == "only"
    refused = run(service, "task", "search", "first", "stat:failed")
    assert refused.exit_code == exits.FAILED
    assert "at position 1: 'stat' is nothing to search by; did you mean 'state'?" in refused.stderr


def test_logs(service: RunningService) -> None:
    answer = run(service, "task", "logs", "t", "--job", "first")
    assert (answer.stdout, answer.stderr) == ("said by first\n", "complained\n")
    assert run(service, "task", "logs", "t", "--job", "first", "--stderr").stdout == "complained\n"
    assert told(service, "task", "logs", "t", "--job", "second", "--stdout") == {
        "stdout.txt": "said by second\n"
    }


def test_users_of_a_node(service: RunningService, tmp_path: Path) -> None:
    (node,) = told(service, "node", "list")
    words, secret, key = ("node", "user"), tmp_path / "secret", tmp_path / "key.pub"
    secret.write_text("open sesame\n")
    key.write_text(KEY + "\n")
    assert told(service, *words, "list", node["id"]) == []
    given = ("--admin", "--days", "3", "--password-file", str(secret), "--ssh-public-key", str(key))
    assert told(service, *words, "add", node["id"], "somebody", *given)["change"] == "added"
    (user,) = told(service, *words, "list", node["id"], "--pool", "p")
    assert (user["isAdmin"], user["hasPassword"], user["sshPublicKey"]) == (True, True, KEY)
    assert run(service, *words, "add", node["id"], "somebody").exit_code == exits.FAILED
    assert run(service, *words, "update", node["id"], "somebody").output == "somebody updated\n"
    (user,) = table(service, *words, "list", node["id"])
    assert (user["NAME"], user["ISADMIN"], user["HASPASSWORD"]) == ("somebody", "true", "false")
    missing = run(service, *words, "update", node["id"], "somebody", "--password-file", str(tmp_path / "no"))
    assert missing.exit_code == exits.USAGE
    assert told(service, *words, "delete", node["id"], "somebody")["change"] == "deleted"
    assert run(service, *words, "delete", node["id"], "somebody").exit_code == exits.NOT_FOUND


def test_a_password_comes_by_standard_input(service: RunningService) -> None:
    (node,) = told(service, "node", "list")
    words = ["node", "user", "add", node["id"], "other", "--password-file", "-"]
    added = CliRunner().invoke(
        application(), [*words, "--data-dir", str(service.data_dir)], input="open sesame\n"
    )
    assert added.output == "other added\n"
    (user,) = told(service, "node", "user", "list", node["id"])
    assert user["hasPassword"]
    told(service, "node", "user", "delete", node["id"], "other")


def test_where_to_log_in_and_what_extensions_there_are(service: RunningService) -> None:
    (node,) = told(service, "node", "list")
    settings = told(service, "node", "login", node["id"])
    assert settings["remoteLoginPort"] == 50000
    assert "127.0.0.1:50000" in run(service, "node", "login", node["id"], "--pool", "p").output
    (extension,) = told(service, "node", "extensions", node["id"])
    assert extension["vmExtension"]["name"] == "batchNodeExtension"
    (row,) = table(service, "node", "extensions", node["id"])
    assert (row["NAME"], row["PROVISIONINGSTATE"]) == ("batchNodeExtension", "Succeeded")


@pytest.mark.parametrize(
    "words",
    [
        ("pool", "show", "nosuch"),
        ("node", "show", "nosuch"),
        ("node", "list", "--pool", "nosuch"),
        ("task", "show", "nosuch"),
        ("task", "show", "t", "--job", "nosuch"),
        ("task", "logs", "nosuch"),
        ("pool", "explain", "nosuch"),
        ("node", "explain", "nosuch", "--pool", "p"),
        ("job", "explain", "nosuch"),
        ("task", "explain", "nosuch"),
    ],
)
def test_what_is_not_there_has_an_exit_code_of_its_own(
    service: RunningService, words: tuple[str, ...]
) -> None:
    answer = run(service, *words)
    assert (answer.exit_code, answer.stdout) == (exits.NOT_FOUND, "")
    assert answer.stderr.startswith("batchite: ")
    assert "Traceback" not in answer.stderr


def test_a_refusal_is_told_in_a_sentence(service: RunningService) -> None:
    answer = run(service, "task", "list", "--filter", "colour eq 'red'")
    assert answer.exit_code == exits.FAILED
    assert answer.stderr.count("this list can be filtered by") == 1
    assert run(service, "job", "list", "--account", "nosuch").exit_code == exits.USAGE


def test_what_a_job_has_used(service: RunningService) -> None:
    found = told(service, "job", "stats", "first")
    assert (found["jobId"], found["numSucceededTasks"], found["numFailedTasks"]) == ("first", "1", "1")
    assert found["slotTime"] == found["wallClockTime"] > "PT"
    lines = dict(line.split(maxsplit=1) for line in run(service, "job", "stats", "first").output.splitlines())
    assert lines["numFailedTasks"] == "1"
    assert lines["slotTime"] == found["slotTime"]
    assert run(service, "job", "stats", "none").exit_code == exits.NOT_FOUND


def test_what_pools_have_used(service: RunningService) -> None:
    found = told(service, "pool", "usage")
    (pool,) = found["value"]
    assert (pool["poolId"], pool["vmSize"], pool["lowPriorityCoreHours"]) == ("p", "standard_a1_v2", 0.0)
    assert pool["totalCoreHours"] > 0
    (line,) = table(service, "pool", "usage", "P")
    assert (line["POOL"], line["SIZE"], line["LOW-PRIORITY"]) == ("p", "standard_a1_v2", "0.000")
    early = ("--from", "2016-01-01T00:00Z", "--to", "2016-01-02T00:00Z")
    assert told(service, "pool", "usage", *early)["value"] == []
    wrong = run(service, "pool", "usage", "--from", "yesterday")
    assert (wrong.exit_code, "starttime" in wrong.output) == (exits.FAILED, True)


def test_a_schedule_from_its_first_job_to_its_end(service: RunningService) -> None:
    """Its job has no tasks, and stays until it is ended."""
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    options = m.BatchJobScheduleCreateOptions(
        id="nightly",
        schedule=m.BatchJobScheduleConfiguration(recurrence_interval=timedelta(days=1)),
        job_specification=m.BatchJobSpecification(pool_info=m.BatchPoolInfo(pool_id="p")),
    )
    BatchClient(service.batch_url, credential).create_job_schedule(options)
    head, row = (line.split("\t") for line in run(service, "schedule", "list").output.splitlines())
    found = dict(zip(head, row, strict=True))
    assert (found["ID"], found["STATE"], found["EVERY"]) == ("nightly", "active", "P1D")
    assert found["LAST JOB"] == "nightly:job-1"
    assert [one["id"] for one in told(service, "schedule", "list", "--filter", "state eq 'active'")] == [
        "nightly"
    ]
    assert told(service, "schedule", "show", "nightly")["jobSpecification"]["poolInfo"] == {"poolId": "p"}
    assert run(service, "schedule", "show", "other").exit_code == exits.NOT_FOUND
    assert told(service, "schedule", "explain", "nightly")["reasons"][0]["code"] == "ScheduleJobActive"
    assert run(service, "schedule", "disable", "nightly").output == "schedule nightly: disabled\n"
    assert run(service, "schedule", "disable", "nightly").exit_code == exits.FAILED
    assert "disabled" in run(service, "schedule", "explain", "nightly").output
    assert told(service, "schedule", "enable", "nightly")["state"] == "active"
    assert (
        run(service, "schedule", "terminate", "nightly", "--wait").output == "schedule nightly: completed\n"
    )
    assert told(service, "schedule", "delete", "nightly", "--wait") == {"id": "nightly", "state": "deleted"}
    assert told(service, "schedule", "list") == []
