"""`pool resize`, `stop-resize`, `remove-nodes` and `delete`, against a service that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from click.testing import CliRunner, Result

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.testing import RunningService, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service(arguments=["--max-nodes", "3"]) as running:
        yield running


@pytest.fixture
def pool(service: RunningService) -> Iterator[str]:
    """Without nodes; gone after the test."""
    client = BatchClient(service.batch_url, AzureNamedKeyCredential(service.batch_account, service.batch_key))
    machine = m.VirtualMachineConfiguration(
        image_reference=m.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        ),
        node_agent_sku_id="batch.node.ubuntu 22.04",
    )
    client.create_pool(
        m.BatchPoolCreateOptions(id="p", vm_size="standard_a1_v2", virtual_machine_configuration=machine)
    )
    yield "p"
    run(service, "delete", "p", "--wait")


def run(service: RunningService, *words: str) -> Result:
    return CliRunner().invoke(application(), ["pool", *words, "--data-dir", str(service.data_dir)])


def told(service: RunningService, *words: str) -> Any:
    answer = run(service, *words, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


def test_up_and_down_and_away(service: RunningService, pool: str) -> None:
    grown = run(service, "resize", pool, "--dedicated", "2", "--low-priority", "1", "--wait")
    assert (grown.exit_code, grown.output) == (
        0,
        "p is steady, with 2 of 2 dedicated and 1 of 1 low-priority nodes.\n",
    )
    shrunk = told(service, "resize", pool, "--low-priority", "0", "--timeout", "6", "--wait")
    assert (shrunk["currentDedicatedNodes"], shrunk["currentLowPriorityNodes"]) == (2, 0)
    assert shrunk["resizeTimeout"] == "PT6M"
    found = CliRunner().invoke(
        application(), ["node", "list", "--pool", pool, "--json", "--data-dir", str(service.data_dir)]
    )
    first, other = (node["id"] for node in json.loads(found.output))
    removed = told(service, "remove-nodes", pool, first, "--option", "taskCompletion", "--wait")
    assert (removed["targetDedicatedNodes"], removed["currentDedicatedNodes"]) == (1, 1)
    missing = run(service, "remove-nodes", pool, first, other)
    assert missing.exit_code == exits.NOT_FOUND
    assert "NodeNotFound" in missing.output
    late = run(service, "stop-resize", pool)
    assert late.exit_code == exits.FAILED
    assert "OperationInvalidForCurrentState" in late.output
    assert told(service, "delete", pool, "--wait") == {"id": pool, "state": "deleted"}
    gone = run(service, "delete", pool)
    assert (gone.exit_code, "PoolNotFound" in gone.output) == (exits.NOT_FOUND, True)


def test_what_there_is_no_room_for_is_an_error(service: RunningService, pool: str) -> None:
    answer = run(service, "resize", pool, "--dedicated", "9", "--wait")
    assert answer.exit_code == exits.FAILED
    assert "p is steady, with 3 of 9 dedicated nodes." in answer.output
    assert "AllocationFailed" in answer.output
    assert "Resize it to fewer" in answer.output


@pytest.mark.parametrize(
    "words",
    [
        ("resize", "p"),
        ("resize", "p", "--dedicated", "-1"),
        ("resize", "p", "--dedicated", "many"),
        ("resize", "p", "--dedicated", "1", "--option", "gently"),
        ("resize", "p", "--dedicated", "1", "--timeout", "4"),
        ("remove-nodes", "p"),
        ("delete",),
    ],
)
def test_what_makes_no_sense_is_not_sent(service: RunningService, words: tuple[str, ...]) -> None:
    assert run(service, *words).exit_code == exits.USAGE


def test_a_pool_that_is_not_there(service: RunningService) -> None:
    for words in (("resize", "none", "--dedicated", "1"), ("stop-resize", "none"), ("delete", "none")):
        answer = run(service, *words)
        assert (answer.exit_code, "PoolNotFound" in answer.output) == (exits.NOT_FOUND, True), words
