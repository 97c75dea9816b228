"""Both services in the test's process, with real agents, and words to drive them by the official SDKs.

The services run in an event loop of their own thread, so that tests use the ordinary blocking clients.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import azure.batch
import azure.batch.aio
import pytest
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    generate_blob_sas,
    generate_container_sas,
)
from starlette.types import ASGIApp
from tests.databases import Databases

from batchite.batch import app as batch_app
from batchite.blobs import app as blob_app
from batchite.blobs.content.files import Files
from batchite.blobs.content.store import ContentStore
from batchite.configuration.accounts import (
    DEVELOPMENT_BATCH_KEY,
    DEVELOPMENT_BATCH_NAME,
    DEVELOPMENT_STORAGE_KEY,
    DEVELOPMENT_STORAGE_NAME,
    Accounts,
    BatchAccount,
    StorageAccount,
)
from batchite.configuration.fidelity import Fidelity
from batchite.dispatch.packages import NodePackages
from batchite.dispatch.service import Dispatch
from batchite.engines.registry import Engines, kinds
from batchite.link.packages import PACKAGES
from batchite.machine import proc
from batchite.machine.clock import SystemClock
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.store.revisions import NAMES, Name
from batchite.web.guard import Guard
from batchite.web.hosts import Hosts
from batchite.web.listener import Listener, bind
from batchite.wire import cloud

T = TypeVar("T")

SECONDS = 120.0
"""How long anything may take before a test gives up, on a machine that does other things."""
SMALL_ACCOUNT = "small"
SMALL_KEY = base64.b64encode(b"an account with few cores").decode()
SMALL_QUOTA = 4
OPERATOR_SETTINGS = {"GIVEN_BY_OPERATOR": "yes", "ALSO_OF_OPERATOR": "operator"}

ACCOUNTS = Accounts(
    batch=(
        BatchAccount(DEVELOPMENT_BATCH_NAME, (DEVELOPMENT_BATCH_KEY,), DEVELOPMENT_STORAGE_NAME),
        BatchAccount(SMALL_ACCOUNT, (SMALL_KEY,), core_quota=SMALL_QUOTA),
    ),
    storage=(StorageAccount(DEVELOPMENT_STORAGE_NAME, (DEVELOPMENT_STORAGE_KEY,)),),
)

_numbers = itertools.count(1)


def fresh(word: str) -> str:
    """An id that nothing else in this run has."""
    return f"{word}-{next(_numbers)}"


def until(look: Callable[[], T], accept: Callable[[T], object], what: str, seconds: float = SECONDS) -> T:
    """Look again and again until what is seen is accepted; it is returned."""
    deadline = time.monotonic() + seconds
    pauses = itertools.chain((0.01, 0.02, 0.03, 0.05), itertools.repeat(0.08))
    while True:
        seen = look()
        if accept(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not after {seconds} s; last seen: {seen}")
        time.sleep(next(pauses))


def sh(script: str) -> str:
    """A command line that runs the script in a shell."""
    assert "'" not in script
    return f"/bin/sh -c '{script}'"


@contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    """The service answers with this documented error."""
    with pytest.raises(HttpResponseError) as caught:
        yield
    response = caught.value.response
    if caught.value.model is None:  # what is streamed is left unread by the client, errors too
        response.read()
    assert (response.status_code, response.json()["code"]) == (status, code)


@dataclass
class House:
    """Running services and what a user of the SDKs does with them."""

    data_dir: Path
    batch_url: str
    blob_url: str
    batch: azure.batch.BatchClient
    small: azure.batch.BatchClient
    """client of the account with a core quota"""
    blob: BlobServiceClient
    kept_nodes: dict[str, list[str]] = field(default_factory=dict)

    def async_batch(self) -> azure.batch.aio.BatchClient:
        credential = AzureNamedKeyCredential(DEVELOPMENT_BATCH_NAME, DEVELOPMENT_BATCH_KEY)
        return azure.batch.aio.BatchClient(self.batch_url, credential)

    # -- pools and nodes

    def add_pool(self, nodes: int = 1, *, slots: int = 1, pool_id: str | None = None, **given: Any) -> str:
        pool_id = pool_id or fresh("pool")
        self.batch.create_pool(pool_options(pool_id, nodes, slots, **given))
        return pool_id

    def ready_pool(self, nodes: int = 1, *, slots: int = 1, **given: Any) -> str:
        """The id of a pool whose nodes are all idle."""
        pool_id = self.add_pool(nodes, slots=slots, **given)
        self.wait_for_nodes(pool_id, "idle", nodes)
        return pool_id

    def nodes(self, pool_id: str) -> list[models.BatchNode]:
        return list(self.batch.list_nodes(pool_id))

    def wait_for_nodes(self, pool_id: str, state: str, count: int = 1) -> list[models.BatchNode]:
        def all_there(nodes: list[models.BatchNode]) -> bool:
            return [node.state for node in nodes] == [state] * count

        return until(lambda: self.nodes(pool_id), all_there, f"{count} nodes of {pool_id} {state}")

    def wait_for_pool(self, pool_id: str) -> models.BatchPool:
        """The pool once it is steady."""
        return until(
            lambda: self.batch.get_pool(pool_id),
            lambda pool: pool.allocation_state == "steady",
            "steady pool",
        )

    def delete_pool(self, pool_id: str) -> None:
        """Returns once it is gone."""
        self.batch.begin_delete_pool(pool_id, polling_interval=0.05).wait()

    # -- jobs

    def add_job(self, pool_id: str, **given: Any) -> str:
        job_id = fresh("job")
        info = models.BatchPoolInfo(pool_id=pool_id)
        self.batch.create_job(models.BatchJobCreateOptions(id=job_id, pool_info=info, **given))
        return job_id

    def wait_for_job(self, job_id: str, state: str = "completed") -> models.BatchJob:
        return until(
            lambda: self.batch.get_job(job_id), lambda job: job.state == state, f"job {job_id} {state}"
        )

    def job_is_gone(self, job_id: str) -> bool:
        return is_gone(lambda: self.batch.get_job(job_id))

    # -- tasks

    def add_task(self, job_id: str, command_line: str, **given: Any) -> str:
        task = make_task(command_line, **given)
        self.batch.create_task(job_id, task)
        return str(task.id)

    def add_tasks(
        self, job_id: str, tasks: list[models.BatchTaskCreateOptions]
    ) -> list[models.BatchTaskCreateResult]:
        """Up to 100, in this order; `create_tasks` of the client turns the order round."""
        group = models.BatchTaskGroup(task_values=tasks)
        return list(self.batch.create_task_collection(job_id, group).result_values)

    def wait_for_task(self, job_id: str, task_id: str, state: str = "completed") -> models.BatchTask:
        return until(
            lambda: self.batch.get_task(job_id, task_id),
            lambda task: task.state == state,
            f"task {task_id} {state}",
        )

    def run(self, job_id: str, command_line: str, **given: Any) -> models.BatchTask:
        """The task once it is completed."""
        return self.wait_for_task(job_id, self.add_task(job_id, command_line, **given))

    def wait_for_all(self, job_id: str) -> list[models.BatchTask]:
        """All tasks of the job, every one completed."""

        def are_over(counts: models.BatchTaskCountsResult) -> bool:
            return counts.task_counts.active == counts.task_counts.running == 0

        until(lambda: self.batch.get_job_task_counts(job_id), are_over, f"all tasks of {job_id}")
        return list(self.batch.list_tasks(job_id))

    def text(self, job_id: str, task_id: str, path: str = "stdout.txt", **given: Any) -> str:
        """The content of a file of a task."""
        return b"".join(self.batch.download_task_file(job_id, task_id, path, **given)).decode()

    def output(self, job_id: str, command_line: str, **given: Any) -> str:
        """What a command that succeeds writes to its standard output."""
        task = self.run(job_id, command_line, **given)
        assert task.execution_info.result == "success", task.execution_info.failure_info
        return self.text(job_id, task.id)

    def wait_for_owner(self, job_id: str) -> None:
        """Until what was changed so far has reached the owner of the job's pool."""
        self.batch.terminate_task(job_id, self.add_task(job_id, "true"))

    def wait_for_text(self, job_id: str, task_id: str, wanted: str, path: str = "stdout.txt") -> None:
        """For tasks that run: until the file holds the text."""
        until(lambda: self.text(job_id, task_id, path), lambda text: wanted in text, f"{wanted!r} in {path}")

    # -- blobs

    def container(self, blobs: dict[str, bytes]) -> str:
        name = fresh("container")
        client = self.blob.create_container(name)
        for path, content in blobs.items():
            client.upload_blob(path, content)
        return name

    def blob_with_sas(self, container: str, name: str) -> str:
        """The URL of a blob, whether it is there or not, with a SAS to read it."""
        sas = generate_blob_sas(
            DEVELOPMENT_STORAGE_NAME,
            container,
            name,
            account_key=DEVELOPMENT_STORAGE_KEY,
            permission=BlobSasPermissions(read=True),
            expiry=_in_an_hour(),
        )
        return f"{self.blob.get_blob_client(container, name).url}?{sas}"

    def container_with_sas(self, container: str, permission: str = "rl") -> str:
        sas = generate_container_sas(
            DEVELOPMENT_STORAGE_NAME,
            container,
            account_key=DEVELOPMENT_STORAGE_KEY,
            permission=permission,
            expiry=_in_an_hour(),
        )
        return f"{self.blob.get_container_client(container).url}?{sas}"


def _in_an_hour() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)


def pool_options(
    pool_id: str, nodes: int, slots: int = 1, *, vm_size: str = "Standard_D2s_v3", **given: Any
) -> models.BatchPoolCreateOptions:
    machine = models.VirtualMachineConfiguration(
        image_reference=models.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        ),
        node_agent_sku_id="batch.node.ubuntu 22.04",
    )
    return models.BatchPoolCreateOptions(
        id=pool_id,
        vm_size=vm_size,
        virtual_machine_configuration=machine,
        target_dedicated_nodes=nodes,
        task_slots_per_node=slots,
        **given,
    )


def make_task(
    command_line: str, *, task_id: str | None = None, **given: Any
) -> models.BatchTaskCreateOptions:
    return models.BatchTaskCreateOptions(id=task_id or fresh("task"), command_line=command_line, **given)


def settings(**values: str) -> list[models.EnvironmentSetting]:
    return [models.EnvironmentSetting(name=name, value=value) for name, value in values.items()]


def retries(count: int) -> models.BatchTaskConstraints:
    return models.BatchTaskConstraints(max_task_retry_count=count)


def is_gone(look: Callable[[], object]) -> bool:
    try:
        look()
    except ResourceNotFoundError:
        return True
    return False


def runs_still(process: int) -> bool:
    found = proc.read(process)
    return found is not None and not found.is_dead


def lines(path: Path) -> Sequence[str]:
    """What tasks have written to a file of the test's own, so far."""
    return path.read_text().splitlines() if path.exists() else []


# -- the services


@contextmanager
def open_house(data_dir: Path, databases: Databases) -> Iterator[House]:
    """The services, in a thread of their own until the block is left; then every node is ended."""
    ready: list[House] = []
    failed: list[BaseException] = []
    changed, leave = threading.Event(), threading.Event()

    async def serve() -> None:
        async with _serving(data_dir, databases) as house:
            ready.append(house)
            changed.set()
            await asyncio.to_thread(leave.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            changed.set()

    thread = threading.Thread(target=run, name="services")
    thread.start()
    try:
        assert changed.wait(SECONDS), "the services did not start"
        if ready:
            yield ready[0]
    finally:
        leave.set()
        thread.join(SECONDS)
    assert not thread.is_alive(), "the services did not stop"
    if failed:
        raise failed[0]


@asynccontextmanager
async def _serving(data_dir: Path, databases: Databases) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        batch, blobs = (stack.enter_context(_open_database(databases, name)) for name in NAMES)
        blob_url = await stack.enter_async_context(_blob_service(data_dir, blobs))
        batch_url = await stack.enter_async_context(_batch_service(data_dir, batch, blob_url))
        connection = (
            f"DefaultEndpointsProtocol=http;AccountName={DEVELOPMENT_STORAGE_NAME};"
            f"AccountKey={DEVELOPMENT_STORAGE_KEY};BlobEndpoint={blob_url}/{DEVELOPMENT_STORAGE_NAME};"
        )
        yield House(
            data_dir,
            batch_url,
            blob_url,
            stack.enter_context(_client(batch_url, DEVELOPMENT_BATCH_NAME, DEVELOPMENT_BATCH_KEY)),
            stack.enter_context(_client(batch_url, SMALL_ACCOUNT, SMALL_KEY)),
            stack.enter_context(BlobServiceClient.from_connection_string(connection)),
        )


def _client(url: str, account: str, key: str) -> azure.batch.BatchClient:
    return azure.batch.BatchClient(url, AzureNamedKeyCredential(account, key))


@asynccontextmanager
async def _batch_service(data_dir: Path, database: Database, blob_url: str) -> AsyncIterator[str]:
    clock, sock = SystemClock(), bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    dispatch = Dispatch(
        database,
        ACCOUNTS,
        clock,
        lambda lost: Engines(kinds(), data_dir, lost),
        service_url=url,
        account_url=url,
        environment=OPERATOR_SETTINGS,
        fidelity=Fidelity(),
        lease=None,
        blob_url=blob_url,
    )
    packages = PackageFiles(data_dir)
    app = batch_app.BatchApp(database, ACCOUNTS, clock, dispatch, dispatch.files, packages)
    own: dict[str, ASGIApp] = {
        "/-/nodes": dispatch.link_app,
        "/-/transfers": dispatch.transfer_app,
        PACKAGES: NodePackages(database, packages),
        **dict.fromkeys(app.own.prefixes, app.own),
    }
    listener = Listener(Guard(app, own=own, errors=batch_app.fallback), sock)
    await dispatch.start()
    await listener.start()
    try:
        yield url
    finally:
        await dispatch.stop(end_nodes=True)
        await listener.stop()


@asynccontextmanager
async def _blob_service(data_dir: Path, database: Database) -> AsyncIterator[str]:
    sock = bind("127.0.0.1", 0)
    content = ContentStore(database, Files(data_dir / "blobs"))
    app = Guard(
        blob_app.BlobApp(database, content, ACCOUNTS, SystemClock(), host_suffixes=[cloud.BLOB]),
        own={},
        errors=blob_app.fallback,
        hosts=Hosts(cloud=cloud.BLOB),
    )
    listener = Listener(app, sock)
    await content.start()
    await listener.start()
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        await listener.stop()
        await content.close()


@contextmanager
def _open_database(databases: Databases, name: Name) -> Iterator[Database]:
    with databases.new(name) as url:
        database = Database(url)
        yield database
        database.close()
