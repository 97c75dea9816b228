"""`batchite serve blob` with its content in an object store, killed and refused."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient, ContainerClient
from tests import object_stores
from tests.object_stores import RunningStore

from batchite.testing.service import RunningService, running_service

pytestmark = pytest.mark.servers

KILLS, WRITERS = 3, 6
SIZES = (20_000, 300_000, 2_000_000, 9_000_000)
DEADLINE = 60.0


@pytest.fixture(scope="module")
def store() -> Iterator[RunningStore]:
    with object_stores.s3() as store:
        yield store


def command(store: RunningStore, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "batchite", *arguments],
        check=False, capture_output=True, text=True, timeout=DEADLINE, env={**os.environ, **store.variables},
    )  # fmt: skip


def things(service: RunningService) -> ContainerClient:
    """A client that tells at once when something fails."""
    client = BlobServiceClient.from_connection_string(service.storage_connection_string, retry_total=0)
    return client.get_container_client("things")


class Writing:
    """Blobs put one after the other, until the service dies."""

    def __init__(self, service: RunningService, life: int, until: int) -> None:
        self._service = service
        self._life = life
        self._until = until
        self.acknowledged: dict[str, str] = {}
        """the checksum of each blob"""
        self.enough = threading.Event()
        self.over = threading.Event()

    def run(self, writer: int) -> None:
        with things(self._service) as container:
            for number in count():
                if self.over.is_set():
                    return
                name, dice = f"{self._life}-{writer}-{number}", random.Random()  # noqa: S311
                data = dice.randbytes(dice.choice(SIZES))
                try:
                    container.upload_blob(name, data)
                except AzureError:
                    return
                self.acknowledged[name] = hashlib.sha256(data).hexdigest()
                if len(self.acknowledged) >= self._until:
                    self.enough.set()


def write_and_kill(service: RunningService, life: int) -> dict[str, str]:
    """What was acknowledged before the service was killed in the middle of writing."""
    writing = Writing(service, life, until=random.randint(1, 20))  # noqa: S311
    with ThreadPoolExecutor(WRITERS) as writers:
        running = [writers.submit(writing.run, writer) for writer in range(WRITERS)]
        assert writing.enough.wait(DEADLINE)
        os.kill(int((service.data_dir / "blobs.lock").read_text()), signal.SIGKILL)
        writing.over.set()
        for writer in running:
            writer.result(DEADLINE)
    return writing.acknowledged


def wait_for_requests_under_way() -> None:
    """Of processes that have ended: what they had sent is still carried out."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(DEADLINE)


def test_what_was_acknowledged_survives_kills_and_nothing_is_left_over(
    store: RunningStore, tmp_path: Path
) -> None:
    url = store.new_url()
    arguments = ["blob", "--content", url]
    acknowledged: dict[str, str] = {}
    with running_service(tmp_path, arguments=arguments, variables=store.variables) as service:
        assert f"Content {url}" in service.lines
        with things(service) as container:
            container.create_container()
        for life in range(KILLS):
            acknowledged |= write_and_kill(service, life)
        with things(service) as container:  # waits for the next process
            for name, digest in acknowledged.items():
                assert hashlib.sha256(container.download_blob(name).readall()).hexdigest() == digest
    wait_for_requests_under_way()
    with running_service(tmp_path, arguments=arguments, variables=store.variables) as service:
        with things(service) as container:
            sizes = {blob.name: blob.size for blob in container.list_blobs()}
        assert acknowledged.keys() <= sizes.keys()
        checked = command(store, "blob", "check", "--data-dir", str(tmp_path))
        assert (checked.returncode, checked.stderr) == (0, "")
        total = f"{len(sizes):,} contents, {sum(sizes.values()):,} bytes"
        assert checked.stdout.splitlines() == [total, "everything is as it was written"]
        stored = store.objects(url)
        del stored["some/place/owner"]
        assert sum(stored.values()) == sum(sizes.values())
        assert store.unfinished(url) == []


def test_a_store_that_cannot_be_used_is_said_at_the_start(store: RunningStore, tmp_path: Path) -> None:
    url = store.new_url()
    with running_service(tmp_path / "first", arguments=["blob", "--content", url], variables=store.variables):
        pass
    serve = ["serve", "blob", "--blob-port", "0", "--data-dir"]
    second = command(store, *serve, str(tmp_path / "second"), "--content", url)
    assert second.returncode == 1
    assert f"The object store {url} belongs to another data directory" in second.stderr
    nowhere = command(store, *serve, str(tmp_path / "third"), "--content", "s3://no-such-bucket/path")
    assert nowhere.returncode == 1
    assert "NoSuchBucket" in nowhere.stderr
    assert "Traceback" not in second.stderr + nowhere.stderr
    forgotten = command(store, *serve, str(tmp_path / "first"))
    assert forgotten.returncode == 1
    assert url in forgotten.stderr
