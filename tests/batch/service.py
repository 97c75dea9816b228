"""The Batch API on a real listener and a real database, with small stand-ins for what is behind it."""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import azure.batch
import azure.batch.aio
import sqlalchemy as sa
from azure.batch._patch import BatchSharedKeyAuthPolicy
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from starlette.types import ASGIApp
from yarl import URL

from batchite.batch import supported
from batchite.batch.acting import Acting
from batchite.batch.app import BatchApp, fallback
from batchite.batch.authentication import Keys
from batchite.batch.feed.api import Events
from batchite.batch.feed.tail import Tail
from batchite.batch.own import Endpoint, OwnApp
from batchite.batch.services import Services
from batchite.configuration.accounts import (
    DEVELOPMENT_ACCOUNTS,
    DEVELOPMENT_BATCH_KEY,
    DEVELOPMENT_BATCH_NAME,
    Accounts,
)
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.dispatch import loading
from batchite.link.messages import UseMeasured
from batchite.machine.clock import SystemClock
from batchite.ports.node_files import NodeFile, NodeFileError, NodeUnreachableError
from batchite.ports.owner import Owner
from batchite.scheduling.room import Limits
from batchite.scheduling.state import Kept, ShardState
from batchite.store.batch import schema
from batchite.store.batch.walking import USUAL, Effort
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.web.guard import Guard
from batchite.web.hosts import LOCAL_HOSTS, Hosts
from batchite.web.listener import Listener, bind
from batchite.wire.batch import versions
from batchite.wire.batch.versions.registry import Registry
from batchite.wire.ticks import Clock

_AS_THE_CLOUD = Fidelity()
VERSION = "api-version=2025-06-01"
CREDENTIAL = AzureNamedKeyCredential(DEVELOPMENT_BATCH_NAME, DEVELOPMENT_BATCH_KEY)
IMAGE = {
    "imageReference": {
        "publisher": "canonical",
        "offer": "0001-com-ubuntu-server-jammy",
        "sku": "22_04-lts",
    },
    "nodeAgentSKUId": "batch.node.ubuntu 22.04",
}


class RecordingOwner:
    """Notes who was woken; everything settles at once."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.woken: list[str] = []
        self.out_of_contact: set[str] = set()
        self.given_up: set[str] = set()
        self.preparing: set[str] = set()
        """nodes, by id"""
        self.kept: list[Kept] = []
        self.logs: dict[str, str] = {}
        """of agents, by node"""
        self.uses: dict[str, UseMeasured] = {}
        self.uploads: list[tuple[str, str, str, int, int | None]] = []
        """of logs that were asked for"""
        self.limited = Limits(None, None)
        self.scheduling = IN_ORDER
        self.awaited: list[tuple[str, int]] = []

    def wake(self, shard: str) -> None:
        self.woken.append(shard)

    async def settled(self, shard: str, sequence: int, seconds: float, *, task: int | None = None) -> bool:
        self.awaited.append((shard, sequence))
        return True

    def look(self, connection: sa.Connection, shard: str, *, with_tasks: bool = True) -> ShardState:
        state = loading.look(connection, shard, Fidelity(), self.scheduling, with_tasks=with_tasks)
        for node in state.nodes.values():
            node.connected = node.id not in self.out_of_contact
            node.is_given_up = node.id in self.given_up
            node.is_preparing = node.id in self.preparing
        state.kept = {kept.job: kept for kept in self.kept}
        return state

    async def agent_log(self, node_id: str, most_bytes: int) -> str | None:
        return self.logs.get(node_id)

    async def use(self, node_id: str) -> UseMeasured | None:
        return self.uses.get(node_id)

    async def upload_logs(
        self, node_id: str, container_url: str, directory: str, start: int, end: int | None
    ) -> int:
        if node_id in self.out_of_contact:
            raise NodeUnreachableError(node_id)
        self.uploads.append((node_id, container_url, directory, start, end))
        return 3

    def limits(self, account: str) -> Limits:
        return self.limited


@dataclass(frozen=True)
class File:
    name: str
    is_directory: bool
    size: int
    modified: int
    mode: int


@dataclass
class Node:
    """Files of one node: content by path; a directory has None."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    modified: int = 17_000_000_000_000_000
    extra: int = 0
    """bytes that a file is longer (or shorter) when it is read than when it was looked at"""
    leaves: bool = False
    """whether the node goes away at the end of a file"""


class DictionaryFiles:
    """Node files in memory."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def _node(self, node_id: str) -> Node:
        if node_id not in self.nodes:
            raise NodeUnreachableError
        return self.nodes[node_id]

    def _entry(self, node: Node, path: str, name: str) -> File:
        content = node.files[path]
        mode = 0o40755 if content is None else 0o100644
        return File(name, content is None, len(content or b""), node.modified, mode)

    async def listing(self, node_id: str, directory: str, *, recursive: bool) -> Sequence[NodeFile]:
        node = self._node(node_id)
        prefix = f"{directory}/" if directory else ""
        names = {path: path.removeprefix(prefix) for path in node.files if path.startswith(prefix)}
        return [self._entry(node, path, name) for path, name in names.items() if recursive or "/" not in name]

    async def status(self, node_id: str, path: str) -> NodeFile:
        node = self._node(node_id)
        if path not in node.files:
            raise NodeFileError("not-found")
        return self._entry(node, path, path)

    async def read(self, node_id: str, path: str, offset: int, length: int) -> AsyncIterator[bytes]:
        node = self._node(node_id)
        content = node.files[path] or b""
        end = min(offset + length, len(content)) + node.extra
        return self._chunks((content + b"x" * max(node.extra, 0))[offset:end], node.leaves)

    async def _chunks(self, content: bytes, leaves: bool) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]
        if leaves:
            raise NodeUnreachableError

    async def delete(self, node_id: str, path: str, *, recursive: bool) -> None:
        node = self._node(node_id)
        below = [known for known in node.files if known.startswith(f"{path}/")]
        if path not in node.files:
            raise NodeFileError("not-found")
        if below and not recursive:
            raise NodeFileError("not-empty")
        for known in [path, *below]:
            del node.files[known]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json["code"]

    @property
    def message(self) -> str:
        return str(self.json["message"]["value"])


@dataclass
class Api:
    """A running API and ways to talk to it."""

    url: str
    database: Database
    owner: RecordingOwner
    files: DictionaryFiles
    session: aiohttp.ClientSession
    tail: Tail
    data_dir: Path
    services: Services

    @property
    def packages(self) -> PackageFiles:
        return self.services.packages

    def acting(self) -> Acting:
        """For the account of development, now; without any HTTP."""
        return Acting(self.services, DEVELOPMENT_BATCH_NAME, self.services.clock.now())

    def client(self) -> azure.batch.BatchClient:
        return azure.batch.BatchClient(self.url, CREDENTIAL, retry_total=0)

    def async_client(self) -> azure.batch.aio.BatchClient:
        return azure.batch.aio.BatchClient(self.url, CREDENTIAL, retry_total=0)

    def signed(self, verb: str, target: str, body: bytes | None, headers: dict[str, str]) -> dict[str, str]:
        """The headers with the signature which the official client's own code makes."""
        request = HttpRequest(verb, self.url + target, headers=dict(headers))
        if body is not None:
            request.headers["Content-Length"] = str(len(body))
            request.headers.setdefault("Content-Type", "application/json; odata=minimalmetadata")
        context = PipelineContext(None)
        BatchSharedKeyAuthPolicy(CREDENTIAL).on_request(PipelineRequest(request, context))
        return {name: value for name, value in request.headers.items() if value is not None}

    async def raw(
        self,
        verb: str,
        target: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        *,
        signed: bool = True,
    ) -> Answer:
        """A request as written; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = self.signed(verb, target, content, headers or {}) if signed else headers or {}
        async with self.session.request(
            verb,
            URL(self.url + target, encoded=True),
            data=content,
            headers=sent,
            skip_auto_headers=["Content-Type"],
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, target: str, **headers: str) -> Answer:
        """A signed GET of the newest version."""
        joint = "&" if "?" in target else "?"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.raw("GET", f"{target}{joint}{VERSION}", headers=named)

    async def post(self, path: str, body: object = None) -> Answer:
        """A signed POST of the newest version."""
        return await self.raw("POST", f"{path}?{VERSION}", body)

    async def delete(self, path: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.raw("DELETE", f"{path}?{VERSION}", headers=named)

    async def add_pool(self, pool_id: str = "pool", **properties: object) -> Answer:
        body = {"id": pool_id, "vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": IMAGE}
        return await self.post("/pools", {**body, **properties})

    async def add_job(self, job_id: str = "job", pool_id: str = "pool", **properties: object) -> Answer:
        return await self.post("/jobs", {"id": job_id, "poolInfo": {"poolId": pool_id}, **properties})

    async def add_task(self, task_id: str, job_id: str = "job", **properties: object) -> Answer:
        return await self.post(f"/jobs/{job_id}/tasks", {"id": task_id, "commandLine": "true", **properties})

    async def update(self, table: sa.Table, **values: object) -> None:
        """Change all rows of a table, as the owner of the shards would."""
        await self.database.write(lambda connection: connection.execute(sa.update(table).values(**values)))

    async def update_task(self, task_id: str, **values: object) -> None:
        """Change one task, as the owner of the shards would."""
        statement = sa.update(schema.tasks).where(schema.tasks.c.id == task_id).values(**values)
        await self.database.write(lambda connection: connection.execute(statement))

    async def add_node(self, node_id: str, pool_id: str = "pool", **values: object) -> None:
        """Add a node, as the owner of the shards would."""
        pool_no = sa.select(schema.pools.c.pool_no).where(schema.pools.c.id == pool_id).scalar_subquery()
        row = {"id": node_id, "dedicated": True, "state": "idle", "state_time": 3, "allocated": 1, **values}
        statement = sa.insert(schema.nodes).values(pool_no=pool_no, **row)
        await self.database.write(lambda connection: connection.execute(statement))

    async def rows(self, table: sa.Table) -> list[Any]:
        """All of a table, in the order of their keys."""
        query = sa.select(table).order_by(*table.primary_key)
        return await self.database.read(lambda connection: list(connection.execute(query)))

    async def content(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that is stored."""

        def read(connection: sa.Connection) -> dict[str, list[tuple[object, ...]]]:
            tables = schema.metadata.sorted_tables
            return {
                table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in tables
            }

        return await self.database.read(read)


def acting(database: Database, owner: Owner) -> Acting:
    """For the account of development, now; without any HTTP."""
    clock = SystemClock()
    services = Services(
        database,
        DEVELOPMENT_ACCOUNTS,
        clock,
        owner,
        DictionaryFiles(),
        _AS_THE_CLOUD,
        PackageFiles(Path("/nonexistent")),
    )
    return Acting(services, DEVELOPMENT_BATCH_NAME, clock.now())


@asynccontextmanager
async def serving(
    database: Database,
    *,
    clock: Clock | None = None,
    known_versions: Registry = versions.REGISTRY,
    hosts: Hosts = LOCAL_HOSTS,
    own: Sequence[Endpoint] = (),
    heartbeat: float = 15.0,
    fidelity: Fidelity = _AS_THE_CLOUD,
    scheduling: Scheduling = IN_ORDER,
    effort: Effort = USUAL,
    at_work: Owner | None = None,
    accounts: Accounts = DEVELOPMENT_ACCOUNTS,
) -> AsyncIterator[Api]:
    """`at_work`: who really owns the shards, instead of somebody who only notes what is asked. `own`:
    endpoints of ours that are there, too. `heartbeat`: seconds between signs of the feed's life."""
    owner, files = RecordingOwner(), DictionaryFiles()
    clock = clock or SystemClock()
    data_dir = Path(tempfile.mkdtemp(prefix="batchite-"))
    app = BatchApp(
        database,
        accounts,
        clock,
        at_work or owner,
        files,
        PackageFiles(data_dir),
        known_versions=known_versions,
        fidelity=fidelity,
        scheduling=scheduling,
        effort=effort,
    )
    tail = Tail(database)
    await tail.start()
    own = (*own, *Events(tail, heartbeat=heartbeat).endpoints)
    ours = OwnApp(own, Keys(accounts, (), clock), clock)
    mounted: dict[str, ASGIApp] = {supported.PAGE: supported.page}
    for some in (app.own, ours):
        mounted |= dict.fromkeys(some.prefixes, some)
    guard = Guard(app, own=mounted, errors=fallback, hosts=hosts)
    listener = Listener(guard, bind("127.0.0.1", 0))
    await listener.start()
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{listener.address[1]}"
        yield Api(url, database, owner, files, session, tail, data_dir, app.services)
    await tail.stop()
    await listener.stop()
    shutil.rmtree(data_dir)
