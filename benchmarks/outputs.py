"""Output files: uploaded by a node, beside a program that does the same itself with the SDK."""

from __future__ import annotations

import datetime
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from batchite.testing import RunningService
from benchmarks import operations
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

NAME = "outputs"
"""of the pool, the job and the container"""
MEBIBYTE = 1 << 20
GOAL = 1.5
SDK = "the SDK, one after the other"
REMARK = (
    "A node takes from the line of fileuploadout.txt by which it begins to the one that tells of the last "
    "file; the command that makes the files is not counted. The SDK is azure-storage-blob for Python with "
    "its defaults, uploading files of the same size from the same disk to the same service, in turn. Both "
    "have loaded their HTTP client before."
)


class Files(NamedTuple):
    number: int
    size: int

    @property
    def command(self) -> str:
        """Makes them in the working directory."""
        each = f"head -c {self.size} /dev/zero > $n.bin"
        return f"/bin/sh -c 'for n in $(seq {self.number}); do {each}; done'"


def measure(scale: Scale) -> Measured:
    large, small = Files(1, scale.stream_mebibytes * MEBIBYTE), Files(scale.small_blobs, 1024)
    with (
        operations.fresh_service() as (service, client),
        BlobServiceClient.from_connection_string(service.storage_connection_string) as blobs,
    ):
        container = blobs.create_container(NAME)
        url = _signed(service, container)
        operations.ask_for_pool(client, NAME, nodes=1)
        operations.wait_until_idle(client, NAME, 1)
        operations.create_job(client, NAME, NAME)
        _times(client, container, url, Files(2, 1), 1)
        rows = [
            _row(f"{scale.stream_mebibytes} MiB of an output file up", "MiB/s", scale.stream_mebibytes, times)
            if files.number == 1
            else _row(f"{files.number:,} output files of 1 KiB up", "/s", files.number, times)
            for files in (small, large)
            for times in [_times(client, container, url, files, scale.repeats)]
        ]
    return Measured(rows, [REMARK])


def _row(what: str, unit: str, amount: int, times: list[tuple[float, float]]) -> Row:
    ours, theirs = ([amount / seconds for seconds in of] for of in zip(*times, strict=True))
    return Row(what, unit, ours, SDK, theirs, goal=GOAL, goal_of_ratio=True, higher_is_better=True)


def _times(
    client: Client, container: ContainerClient, url: str, files: Files, repeats: int
) -> list[tuple[float, float]]:
    """Seconds of the node and of the SDK."""
    return [
        (
            _by_the_node(client, container, url, f"{files.number}-{repeat}", files),
            _by_the_sdk(container, files),
        )
        for repeat in range(repeats)
    ]


def _by_the_node(client: Client, container: ContainerClient, url: str, task: str, files: Files) -> float:
    wanted = {
        "filePattern": "*.bin",
        "destination": {"container": {"containerUrl": url, "path": task}},
        "uploadOptions": {"uploadCondition": "tasksuccess"},
    }
    journal = {
        "filePattern": "../fileuploadout.txt",
        "destination": {"container": {"containerUrl": url, "path": f"journal-{task}"}},
        "uploadOptions": {"uploadCondition": "tasksuccess"},
    }
    body = {"id": task, "commandLine": files.command, "outputFiles": [wanted, journal]}
    client.post(f"/jobs/{NAME}/tasks", body)
    deadline = time.monotonic() + operations.PATIENCE_SECONDS
    while (found := client.get(f"/jobs/{NAME}/tasks/{task}"))["state"] != "completed":
        if time.monotonic() > deadline:
            raise operations.WorkloadError(f"{task} did not end")
        time.sleep(operations.POLL_SECONDS)
    if found["executionInfo"]["result"] != "success":
        raise operations.WorkloadError(f"{task} failed: {found['executionInfo']}")
    lines = container.download_blob(f"journal-{task}").readall().decode().splitlines()
    uploaded = [line for line in lines if " Uploaded " in line]
    if len(uploaded) != files.number:
        raise operations.WorkloadError(f"{len(uploaded)} of {files.number} files were uploaded")
    return (_moment(uploaded[-1]) - _moment(lines[0])).total_seconds()


def _moment(line: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(line.partition(" ")[0])


def _by_the_sdk(container: ContainerClient, files: Files) -> float:
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["/bin/sh", "-c", files.command.split("'")[1]], cwd=directory, check=True)
        paths = [Path(directory) / f"{number}.bin" for number in range(1, files.number + 1)]
        began = time.perf_counter()
        for path in paths:
            with path.open("rb") as file:
                container.upload_blob(f"sdk/{path.name}", file, overwrite=True)
        return time.perf_counter() - began


def _signed(service: RunningService, container: ContainerClient) -> str:
    sas = generate_container_sas(
        service.storage_account,
        NAME,
        account_key=service.storage_key,
        permission=ContainerSasPermissions(create=True, write=True),
        expiry=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
    )
    return f"{container.url}?{sas}"
