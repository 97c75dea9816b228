"""`disable`, `enable`, `terminate`, `delete` and `reactivate` of jobs and tasks, against a service that
runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from click.testing import CliRunner, Result
from tests.product.survival.house import until

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.testing import RunningService, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    """With room for one node."""
    with running_service(only="batch", arguments=["--max-nodes", "1"]) as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> BatchClient:
    return BatchClient(service.batch_url, AzureNamedKeyCredential(service.batch_account, service.batch_key))


def run(service: RunningService, *words: str) -> Result:
    return CliRunner().invoke(application(), [*words, "--data-dir", str(service.data_dir)])


def add_job(client: BatchClient, job_id: str, *, nodes: int = 0) -> None:
    """With a pool of its own."""
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    machine = m.VirtualMachineConfiguration(
        image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
    )
    pool = m.BatchPoolSpecification(
        vm_size="standard_a1_v2", virtual_machine_configuration=machine, target_dedicated_nodes=nodes
    )
    auto = m.BatchAutoPoolSpecification(pool_lifetime_option="job", pool=pool)
    info = m.BatchPoolInfo(auto_pool_specification=auto)
    client.create_job(m.BatchJobCreateOptions(id=job_id, pool_info=info))


def pools(client: BatchClient) -> set[str]:
    return {str(pool.id) for pool in client.list_pools()}


def test_a_job_is_terminated_and_waited_for(service: RunningService, client: BatchClient) -> None:
    add_job(client, "Running", nodes=1)
    pool_id = client.get_job("Running").execution_info.pool_id
    task = m.BatchTaskCreateOptions(id="t", command_line="/bin/sleep 600")
    client.create_task("Running", task)
    until(lambda: client.get_task("Running", "t").state == "running", "the task runs")
    answer = run(service, "job", "terminate", "running", "--reason", "enough", "--wait", "--json")
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output)
    assert (found["id"], found["state"]) == ("Running", "completed")
    assert found["executionInfo"]["terminateReason"] == "enough"
    assert client.get_task("Running", "t").state == "completed"
    refused = run(service, "job", "terminate", "running")
    assert refused.exit_code == exits.FAILED
    assert "(JobCompleted)" in refused.stderr
    until(lambda: pool_id not in pools(client), "there is room for a node again")


def test_a_job_is_deleted_with_its_pool(service: RunningService, client: BatchClient) -> None:
    add_job(client, "gone")
    pool_id = client.get_job("gone").execution_info.pool_id
    (row,) = [line for line in run(service, "job", "list").output.splitlines() if line.startswith("gone")]
    assert row.split("\t")[2] == pool_id
    assert "keepAlive" in run(service, "job", "show", "gone").output
    answer = run(service, "job", "delete", "gone", "--wait")
    assert (answer.exit_code, answer.output) == (0, "job gone: deleted\n")
    until(lambda: pool_id not in pools(client), "the pool is gone")
    assert run(service, "job", "delete", "gone").exit_code == exits.NOT_FOUND


def test_without_waiting_it_is_told_as_it_is(service: RunningService, client: BatchClient) -> None:
    add_job(client, "asked")
    answer = run(service, "job", "terminate", "asked", "--json")
    found: dict[str, Any] = json.loads(answer.output)
    assert found["state"] in ("terminating", "completed")
    until(lambda: client.get_job("asked").state == "completed", "the job ends")
    assert client.get_job("asked").execution_info.termination_reason == "UserTerminate"


def test_who_watches_a_job_without_a_pool_is_told_why(service: RunningService, client: BatchClient) -> None:
    add_job(client, "first", nodes=1)
    pool_id = client.get_job("first").execution_info.pool_id
    until(lambda: list(client.list_nodes(pool_id)) != [], "it has its node")
    add_job(client, "second", nodes=1)
    answer = run(service, "job", "watch", "second")
    assert answer.exit_code == exits.TASKS_FAILED
    assert (
        "The job has completed: This service has as many nodes as its setting max_nodes allows (1)"
        in answer.output
    )
    shown = run(service, "job", "show", "second").output
    assert "AutoPoolCreationFailedWithQuotaReached" in shown
    assert run(service, "job", "delete", "first", "--wait").exit_code == 0
    until(lambda: pool_id not in pools(client), "the pool is gone")
    assert run(service, "job", "delete", "second", "--wait").exit_code == 0


def test_a_job_is_disabled_and_enabled(service: RunningService, client: BatchClient) -> None:
    add_job(client, "paused")
    answer = run(service, "job", "disable", "paused", "--option", "wait", "--wait")
    assert (answer.exit_code, answer.output) == (0, "job paused: disabled\n")
    answer = run(service, "job", "enable", "paused", "--wait", "--json")
    found = json.loads(answer.output)
    assert (found["state"], found["previousState"]) == ("active", "enabling")
    refused = run(service, "job", "enable", "paused")
    assert refused.exit_code == exits.FAILED
    assert "(OperationInvalidForCurrentState)" in refused.stderr
    assert run(service, "job", "disable", "paused", "--option", "gently").exit_code == exits.USAGE
    assert run(service, "job", "terminate", "paused", "--force", "--wait").exit_code == 0
    assert run(service, "job", "delete", "paused", "--force", "--wait").exit_code == 0


@pytest.mark.parametrize("word", ["terminate", "delete", "disable", "enable"])
def test_what_is_not_there(service: RunningService, word: str) -> None:
    for name in ("nothing", "a/b", "%00", "Ä"):
        answer = run(service, "job", word, name)
        assert answer.exit_code in (exits.NOT_FOUND, exits.FAILED), answer.output
        assert answer.stderr.startswith("batchite: ")


def test_a_task_is_terminated_run_anew_and_deleted(service: RunningService, client: BatchClient) -> None:
    add_job(client, "anew")
    client.create_task("anew", m.BatchTaskCreateOptions(id="once", command_line="/bin/true"))
    answer = run(service, "task", "terminate", "once", "--wait")
    assert (answer.exit_code, answer.output) == (0, "task once: completed\n")
    answer = run(service, "task", "reactivate", "once", "--job", "anew", "--json")
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output)
    assert (found["id"], found["state"], found["previousState"]) == ("once", "active", "completed")
    refused = run(service, "task", "reactivate", "once")
    assert (refused.exit_code, "(TaskNotCompleted)" in refused.stderr) == (exits.FAILED, True)
    answer = run(service, "task", "delete", "once", "--json")
    assert json.loads(answer.output) == {"id": "once", "state": "deleted"}
    assert run(service, "task", "delete", "once").exit_code == exits.NOT_FOUND
