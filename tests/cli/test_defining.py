"""`pool update`, against a service that runs."""

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
from tests.batch.service import IMAGE

from batchite.cli import exits
from batchite.cli.commands import application
from batchite.testing import RunningService, running_service


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service(only="batch") as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[BatchClient]:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    with BatchClient(service.batch_url, credential) as client:
        body = {"id": "p", "vmSize": "small", "virtualMachineConfiguration": IMAGE, "targetDedicatedNodes": 0}
        client.create_pool(m.BatchPoolCreateOptions(body))
        yield client
        client.begin_delete_pool("p").result()


def run(service: RunningService, *words: str, given: str | None = None) -> Result:
    words = ("pool", "update", *words, "--data-dir", str(service.data_dir))
    return CliRunner().invoke(application(), words, input=given)


def test_options_say_what_changes(service: RunningService, client: BatchClient) -> None:
    answer = run(service, "P", "--start-task", "/bin/true", "--metadata", "a=b=c", "--metadata", "d=")
    assert (answer.exit_code, answer.output) == (0, "pool p: changed metadata, startTask\n")
    pool = client.get_pool("p")
    assert pool.start_task is not None
    assert pool.start_task.command_line == "/bin/true"
    assert [(item.name, item.value) for item in pool.metadata or ()] == [("a", "b=c"), ("d", "")]


def test_a_file_says_all_that_the_api_takes(
    service: RunningService, client: BatchClient, tmp_path: Path
) -> None:
    file = tmp_path / "change.json"
    file.write_text(json.dumps({"taskSlotsPerNode": 3, "displayName": "Anna"}))
    answer = run(service, "p", "--file", str(file), "--metadata", "a=b", "--json")
    assert answer.exit_code == 0, answer.output
    shown: dict[str, Any] = json.loads(answer.output)
    assert (shown["taskSlotsPerNode"], shown["displayName"]) == (3, "Anna")
    assert shown["metadata"] == [{"name": "a", "value": "b"}]
    assert run(service, "p", "--file", "-", given='{"displayName": "Ben"}').exit_code == 0
    pool = client.get_pool("p")
    assert (pool.display_name, pool.task_slots_per_node) == ("Ben", 3)


def test_what_is_not_named_can_go(service: RunningService, client: BatchClient) -> None:
    run(service, "p", "--start-task", "/bin/true", "--metadata", "a=b")
    assert run(service, "p", "--replace", "--metadata", "c=d").exit_code == 0
    pool = client.get_pool("p")
    assert pool.start_task is None
    assert [item.name for item in pool.metadata or ()] == ["c"]
    assert run(service, "p", "--replace").output == "pool p: emptied\n"
    assert not client.get_pool("p").metadata


@pytest.mark.parametrize(
    ("words", "given", "code", "why"),
    [
        (["p"], None, exits.USAGE, "nothing is to change"),
        (["p", "--metadata", "a"], None, exits.USAGE, "must be NAME=VALUE"),
        (["p", "--file", "-"], "{", exits.USAGE, "holds no JSON"),
        (["p", "--file", "-"], "[]", exits.USAGE, "must hold a JSON object"),
        (["p", "--file", "/nowhere/file"], None, exits.USAGE, "No such file"),
        (["p", "--file", "-"], '{"colour": 1}', exits.FAILED, "colour"),
        (["p", "--start-task", " "], None, exits.FAILED, "startTask.commandLine"),
        (["nothing", "--start-task", "x"], None, exits.NOT_FOUND, "PoolNotFound"),
    ],
)
def test_what_cannot_be(
    service: RunningService, client: BatchClient, words: list[str], given: str | None, code: int, why: str
) -> None:
    before = client.get_pool("p").etag
    answer = run(service, *words, given=given)
    assert answer.exit_code == code, answer.output
    assert why in answer.stderr
    assert client.get_pool("p").etag == before
