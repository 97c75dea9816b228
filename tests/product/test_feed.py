"""The feed across kills: readers with cursors hear of every change once, and in order."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import pytest
from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError, ResourceExistsError
from tests.product.survival.house import until

from batchite.configuration.accounts import BatchAccount
from batchite.machine.clock import SystemClock
from batchite.testing import RunningService, running_service
from batchite.wire.blob import dates
from batchite.wire.signing import shared_key
from batchite.wire.signing.shared_key import SignedRequest

KILLS = 4
TASKS_BETWEEN = 25
PATIENCE = 120.0
AWAY = (OSError, http.client.HTTPException)
"""What a client meets while the service is killed and started again."""

Event = dict[str, Any]


@pytest.fixture
def service() -> Iterator[RunningService]:
    with running_service(only="batch") as running:
        yield running


class Requests:
    """Signed GETs of the feed, as any program makes them."""

    def __init__(self, service: RunningService) -> None:
        self._url = service.batch_url
        self._account = BatchAccount(service.batch_account, (service.batch_key,), None, None)

    def open(self, query: str, **headers: str) -> http.client.HTTPResponse:
        path = "/-/events"
        sent = {"ocp-date": dates.http_date(SystemClock().wall().ticks)}
        signed = SignedRequest("GET", path, parse_qsl(query), tuple(sent.items()))
        sent["Authorization"] = shared_key.sign(signed, self._account.name, self._account.key_bytes[0])
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self._url}{path}?{query}", headers=sent)  # noqa: S310 - our own
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=30)  # noqa: S310
        return answer


class Reader(threading.Thread):
    """Reads on from where it began until it is told that it has heard all."""

    def __init__(self, requests: Requests, cursor: str) -> None:
        super().__init__(daemon=True)
        self.requests = requests
        self.cursor = cursor
        self.heard: list[Event] = []
        self.restarts = 0
        self.is_enough = threading.Event()

    def run(self) -> None:
        while not self.is_enough.is_set():
            try:
                self.read()
            except AWAY:
                self.restarts += 1
                time.sleep(0.05)

    def read(self) -> None:
        raise NotImplementedError


class Polling(Reader):
    """Throws some answers away, as one that is killed before it has kept them."""

    _answers = 0

    def read(self) -> None:
        with self.requests.open(f"cursor={self.cursor}&wait=5&maxresults=20") as answer:
            found = json.load(answer)
        self._answers += 1
        if self._answers % 3:
            self.heard += found["events"]
            self.cursor = found["cursor"]


class Streaming(Reader):
    """Comes back with the last id, as browsers do."""

    def read(self) -> None:
        headers = {"Accept": "text/event-stream", "Last_Event_ID": self.cursor}
        with self.requests.open("", **headers) as answer:
            fields: dict[str, str] = {}
            while not self.is_enough.is_set():
                line = answer.readline().decode()
                if not line:
                    raise ConnectionError("the stream ended")
                name, _, value = line.rstrip("\n").partition(": ")
                if line != "\n":
                    fields[name] = value
                    continue
                if "data" in fields and fields["event"] != "cursor":
                    self.heard.append(json.loads(fields["data"]))
                self.cursor = fields.get("id", self.cursor)
                fields = {}


def client_of(service: RunningService) -> BatchClient:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return BatchClient(service.batch_url, credential, retry_total=0)


def insist(make: Any, *arguments: object) -> None:
    """Until it is there: what a killed service had not answered may have been done or not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            make(*arguments)
        except ResourceExistsError:
            return
        except AzureError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def add_pool_and_job(client: BatchClient) -> None:
    image = m.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    )
    pool = m.BatchPoolCreateOptions(
        id="pool",
        vm_size="standard_d2s_v3",
        virtual_machine_configuration=m.VirtualMachineConfiguration(
            image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04"
        ),
        target_dedicated_nodes=2,
        task_slots_per_node=4,
    )
    insist(client.create_pool, pool)
    insist(client.create_job, m.BatchJobCreateOptions(id="job", pool_info=m.BatchPoolInfo(pool_id="pool")))


def add_tasks(client: BatchClient, numbers: Iterator[int], size: int) -> None:
    """Some together and some alone; every fifth fails."""
    for number in (next(numbers) for _ in range(size)):
        line = "/bin/false" if number % 5 == 0 else "/bin/true"
        insist(client.create_task, "job", m.BatchTaskCreateOptions(id=f"t{number}", command_line=line))


@pytest.mark.endurance
def test_every_change_is_heard_once_and_in_order(service: RunningService) -> None:
    client, requests = client_of(service), Requests(service)
    with requests.open("") as answer:
        cursor = json.load(answer)["cursor"]
    readers: list[Reader] = [Polling(requests, cursor), Streaming(requests, cursor)]
    for reader in readers:
        reader.start()
    add_pool_and_job(client)
    numbers, kills = count(), 0
    while kills < KILLS or not all(reader.restarts for reader in readers):  # one may not be asking just then
        kills += 1
        add_tasks(client, numbers, TASKS_BETWEEN)
        os.kill(int((service.data_dir / "batch.lock").read_text()), signal.SIGKILL)
        add_tasks(client, numbers, 3)
    until(lambda: _is_done(client), "the tasks end", PATIENCE)
    tasks = {task.id: task for task in client.list_tasks("job")}
    assert len(tasks) == next(numbers)
    for reader in readers:
        until_heard(reader, "task", len(tasks))
    until(lambda: _is_idle(client), "both nodes are idle", PATIENCE)  # one may have booted when all was done
    insist(client.begin_terminate_job, "job", {"terminateReason": "enough"})
    for reader in readers:
        until_heard(reader, "job", 1)
        reader.is_enough.set()
        check_tasks(reader.heard, tasks)
        check_others(reader.heard, client)
    first, second = (reader.heard for reader in readers)
    shortest = min(len(first), len(second))
    assert first[:shortest] == second[:shortest]


def _is_done(client: BatchClient) -> bool:
    try:
        counts = client.get_job_task_counts("job").task_counts
    except AzureError:
        return False
    return counts.active + counts.running == 0


def _is_idle(client: BatchClient) -> bool:
    try:
        return [node.state for node in client.list_nodes("pool")] == ["idle"] * 2
    except AzureError:
        return False


def until_heard(reader: Reader, kind: str, number: int) -> None:
    """That so many have completed."""

    def has_heard() -> bool:
        states = [event["state"] for event in list(reader.heard) if event["kind"] == kind]
        return states.count("completed") >= number

    until(has_heard, f"{type(reader).__name__} hears of each {kind}", PATIENCE)


def check_tasks(heard: list[Event], tasks: dict[str, m.BatchTask]) -> None:
    """The nodes outlived the kills, so every task ran once."""
    of_task: defaultdict[str, list[Event]] = defaultdict(list)
    for event in heard:
        if event["kind"] == "task":
            of_task[event["taskId"]].append(event)
    assert of_task.keys() == tasks.keys()
    for id, task in tasks.items():
        added, started, completed = of_task[id]
        assert [event.get("previousState") for event in of_task[id]] == [None, "active", "running"]
        assert (added["state"], started["state"], completed["state"]) == ("active", "running", "completed")
        assert added["time"] == task["creationTime"]
        assert started["time"] == task["executionInfo"]["startTime"]
        assert completed["time"] == task["executionInfo"]["endTime"]
        assert completed["exitCode"] == task["executionInfo"]["exitCode"] == (int(id[1:]) % 5 == 0)
        assert started["nodeId"] == completed["nodeId"] == task["nodeInfo"]["nodeId"]


def check_others(heard: list[Event], client: BatchClient) -> None:
    """Each begins where the change before of the same thing ended."""
    states: dict[tuple[str, str], str] = {}
    for event in heard:
        if event["kind"] != "task":
            thing = (event["kind"], event[f"{event['kind']}Id"])
            assert event.get("previousState") == states.get(thing)
            states[thing] = event["state"]
    nodes = {("node", node.id): node.state for node in client.list_nodes("pool")}
    assert len(nodes) == 2
    assert {thing: state for thing, state in states.items() if thing[0] == "node"} == nodes
    assert states["pool", "pool"] == "active"
    assert states["job", "job"] == "completed"
