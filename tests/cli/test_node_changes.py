"""`node reboot`, `reimage`, `deallocate`, `start`, `disable` and `enable`, against a service that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from click.testing import CliRunner, Result
from tests.product.survival.house import until
from tests.service.house import pool_options

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.testing import RunningService, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    """With a pool of one node, which is idle."""
    with running_service() as running:
        credential = AzureNamedKeyCredential(running.batch_account, running.batch_key)
        client = BatchClient(running.batch_url, credential)
        client.create_pool(pool_options("p", 1))
        until(lambda: [node.state for node in client.list_nodes("p")] == ["idle"], "the node is idle")
        yield running


@pytest.fixture(scope="module")
def node(service: RunningService) -> str:
    (only,) = told(service, "list", "--pool", "p")
    return str(only["id"])


def run(service: RunningService, word: str, *words: str) -> Result:
    return CliRunner().invoke(application(), ["node", word, *words, "--data-dir", str(service.data_dir)])


def told(service: RunningService, word: str, *words: str) -> Any:
    answer = run(service, word, *words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


@pytest.mark.parametrize("word", ["reboot", "reimage"])
def test_a_node_boots_again(service: RunningService, node: str, word: str) -> None:
    before = told(service, "show", node)["lastBootTime"]
    found = told(service, word, node, "--pool", "p", "--option", "taskcompletion", "--wait")
    assert (found["id"], found["state"]) == (node, "idle")
    assert found["lastBootTime"] > before


def test_without_waiting_its_state_is_told(service: RunningService, node: str) -> None:
    answer = run(service, "deallocate", node)
    assert answer.exit_code == 0
    assert answer.output.startswith(f"node {node}: dealloc")
    again = run(service, "deallocate", node)
    assert again.exit_code == exits.FAILED
    assert "OperationInvalidForCurrentState" in again.output
    until(lambda: told(service, "show", node)["state"] == "deallocated", "it is deallocated")
    assert told(service, "start", node, "--wait")["state"] == "idle"


def test_scheduling(service: RunningService, node: str) -> None:
    disabled = told(service, "disable", node, "--option", "terminate", "--wait")
    assert (disabled["state"], disabled["schedulingState"]) == ("offline", "disabled")
    refused = run(service, "disable", node)
    assert (refused.exit_code, "NodeAlreadyInTargetSchedulingState" in refused.output) == (exits.FAILED, True)
    enabled = told(service, "enable", node, "--wait")
    assert (enabled["state"], enabled["schedulingState"]) == ("idle", "enabled")


def test_who_waits_is_told_of_a_failure_and_never_waits_for_ever(service: RunningService) -> None:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    client = BatchClient(service.batch_url, credential)
    options = pool_options("bad", 1)
    options.start_task = models.BatchStartTask(command_line="/bin/sh -c 'exit 3'")
    client.create_pool(options)
    until(lambda: [one.state for one in client.list_nodes("bad")] == ["starttaskfailed"], "it has failed")
    (bad,) = client.list_nodes("bad")
    answer = run(service, "reboot", bad.id, "--wait")
    assert answer.exit_code == exits.FAILED
    assert "is starttaskfailed: The task exited with an exit code" in answer.output
    assert told(service, "disable", bad.id, "--wait")["state"] == "starttaskfailed"
    client.begin_delete_pool("bad")


@pytest.mark.parametrize("word", ["reboot", "reimage", "deallocate", "start", "disable", "enable"])
def test_what_is_not_there(service: RunningService, word: str) -> None:
    assert run(service, word, "nothing").exit_code == exits.NOT_FOUND
    assert run(service, word, "nothing", "--pool", "p").exit_code == exits.NOT_FOUND
    assert run(service, word, "x", "--option", "gently").exit_code == exits.USAGE
