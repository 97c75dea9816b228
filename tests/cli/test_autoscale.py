"""`autoscale`, against a service whose pools have their turns in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
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

QUICK = "[fidelity]\nautoscale_sample = 0.2\nautoscale_interval = 0.5\nautoscale_pause = 0\n"
GROWS = "$TargetDedicatedNodes = min(2, max(0, $PendingTasks.GetSample(1)));\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    config = tmp_path_factory.mktemp("config") / "batchite.toml"
    config.write_text(QUICK)
    with running_service(config=config) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: RunningService) -> BatchClient:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    client = BatchClient(service.batch_url, credential)
    for name in ("grows", "p"):
        image = m.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        )
        machine = m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        )
        client.create_pool(
            m.BatchPoolCreateOptions(id=name, vm_size="standard_a1_v2", virtual_machine_configuration=machine)
        )
    return client


def run(service: RunningService, *words: str, text: str | None = None) -> Result:
    command = [*words, "--data-dir", str(service.data_dir)]
    return CliRunner().invoke(application(), command, input=text)


def told(service: RunningService, *words: str, text: str | None = None) -> Any:
    answer = run(service, *words, "--json", text=text)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


def test_a_pool_grows_with_its_tasks_and_shrinks_when_they_are_over(
    service: RunningService, client: BatchClient, tmp_path: Path
) -> None:
    formula = tmp_path / "formula"
    formula.write_text(GROWS)
    answer = run(service, "autoscale", "enable", str(formula), "--pool", "grows", "--interval", "PT0.5S")
    assert answer.output == "grows is scaled by the formula, which has its turn every PT0.5S.\n"
    client.create_job(m.BatchJobCreateOptions(id="job", pool_info=m.BatchPoolInfo(pool_id="grows")))
    client.create_task("job", m.BatchTaskCreateOptions(id="t", command_line="/bin/true"))
    until(lambda: client.get_task("job", "t").state == "completed", "the task ends")
    until(lambda: client.get_pool("grows").current_dedicated_nodes == 0, "the node has left")
    turns = told(service, "autoscale", "log", "--pool", "grows", "--limit", "100")["evaluations"]
    resized = [turn for turn in reversed(turns) if turn["what"] == "resized"]
    assert [turn["results"].split(";")[0] for turn in resized] == [
        "$TargetDedicatedNodes=1",
        "$TargetDedicatedNodes=0",
    ]
    assert resized[0]["samples"][0]["name"] == "$PendingTasks"
    table = run(service, "autoscale", "log", "--pool", "grows").output
    assert table.splitlines()[0].split("\t") == ["TIME", "DONE", "NODES", "WHY"]
    run_ = client.get_pool("grows").auto_scale_run
    assert run_ is not None
    assert run_.results is not None


def test_a_node_tells_what_it_uses(service: RunningService, client: BatchClient) -> None:
    formula = "$TargetDedicatedNodes = 1; seen = $CPUPercent.Count() * $MemoryBytes.Count()"
    answer = run(service, "autoscale", "enable", "-", "--pool", "p", "--interval", "PT0.5S", text=formula)
    assert answer.exit_code == 0, answer.output

    def measured() -> bool:
        tried = "x = $CPUPercent >= 0 && $MemoryBytes > 1 && $DiskBytes > 0 && $SampleNodeCount == 1"
        found = run(service, "autoscale", "try", "-", "--pool", "p", text=tried)
        return "  x=1\n" in found.output

    until(measured, "the node has been asked")
    assert run(service, "autoscale", "disable", "--pool", "p").output == (
        "p stays at 1 dedicated and 0 low-priority nodes.\n"
    )
    assert told(service, "pool", "show", "p")["enableAutoScale"] is False


def test_a_formula_is_tried_and_its_mistakes_are_underlined(
    service: RunningService, client: BatchClient, tmp_path: Path
) -> None:
    before = run(service, "autoscale", "try", "-", "--pool", "p", text="x = $PendingTasks.GetSample(1)")
    assert before.stdout.splitlines()[-1] == "  x=[0]"
    assert "the formula has seen one sample, of now" in before.stderr
    assert told(service, "autoscale", "enable", "-", "--pool", "p", text="x = 1")["enableAutoScale"] is True
    tried = run(
        service, "autoscale", "try", "-", "--pool", "p", text="most = 3;\n$TargetDedicatedNodes = most"
    )
    assert tried.output.splitlines() == [
        "It would have asked for:",
        "  $TargetDedicatedNodes=3",
        "  $TargetLowPriorityNodes=0",
        "  $NodeDeallocationOption=requeue",
        "  most=3",
    ]
    wrong = run(service, "autoscale", "try", "-", "--pool", "p", text="a = 1;\n\tb = a +* 2;\n")
    assert wrong.exit_code == exits.FAILED
    assert wrong.stderr.splitlines() == [
        "batchite: the pool would stay as it is: Line 2, Col 9: expected a value, found '*'",
        " b = a +* 2;",
        "        ^",
    ]
    refused = run(service, "autoscale", "enable", "-", "--pool", "p", text="x = ")
    assert refused.exit_code == exits.FAILED
    assert "Line 1, Col 5: expected a value" in refused.stderr
    missing = run(service, "autoscale", "log", "--pool", "nothing")
    assert missing.exit_code == exits.NOT_FOUND
    file = run(service, "autoscale", "try", str(tmp_path / "none"), "--pool", "p")
    assert file.exit_code == exits.USAGE
