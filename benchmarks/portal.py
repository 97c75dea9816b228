"""The portal's pages of a large job and a large pool: how soon, how many bytes, and what following costs."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import sqlalchemy as sa

from batchite.cli.portal import link
from batchite.configuration import endpoints
from batchite.store.batch import schema
from batchite.store.database import create_engine
from batchite.testing import RunningService
from benchmarks import operations, processes
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

NODES = 300
REQUESTS = 20
"""How often each page is asked for."""
STREAMS = 10
CHANGES = 5
"""that all streams hear of before memory is looked at"""
POOL = JOB = "large"
BATCH = "/-/portal/batch/devbatch"
PAGES = {
    "a job": (f"{BATCH}/jobs/{JOB}", b'<tr id="task-'),
    "a pool": (f"{BATCH}/pools/{POOL}", b'<tr id="node-'),
}
"""with what a row begins with"""
GOAL_MILLISECONDS = 200.0
GOAL_KILOBYTES = 100.0
GOAL_MEGABYTES = 20.0
_FILE = re.compile(rb'(?:href|src)="(/-/portal/static/[^"]+)"')
_GZIP = 31
"""to zlib"""
_OF_BROWSERS = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
REMARK = (
    f"The pool has {NODES} nodes, which are rows without processes, and the job's tasks wait. Each page is "
    f"asked for {REQUESTS} times, as a browser asks; what it then does with them is not measured. The size "
    "of a page is that of all content that a browser without a cache loads for it. While memory is measured, "
    f"half of {STREAMS} streams follow the job's page and half the pool's, and all have been sent {CHANGES} "
    "changes; as many were made before, when nobody followed."
)


class Sight(NamedTuple):
    """A page as it was answered."""

    milliseconds: float
    """until its first row was there"""
    html: bytes
    sent: int
    """bytes, packed"""


def measure(scale: Scale) -> Measured:
    tasks = scale.stored_tasks
    with operations.fresh_service() as (service, client):
        _fill(service, client, tasks)
        floor = [_timed(client) for _ in range(REQUESTS)]
        with _browser(service) as browser:
            sights = {name: [browser.see(*page) for _ in range(REQUESTS)] for name, page in PAGES.items()}
            sizes = {name: browser.load_kilobytes(seen[0]) for name, seen in sights.items()}
            alone, followed = _memory(service, client, browser)
    rows = [
        Row(
            f"portal: first row of {name}, {NODES} nodes, {tasks:,} tasks",
            "ms",
            [sight.milliseconds for sight in seen],
            "getting one job",
            floor,
            GOAL_MILLISECONDS,
        )
        for name, seen in sights.items()
    ]
    rows += [
        Row(f"portal: first load of {name}", "kB", [size], "its HTML alone", [html], GOAL_KILOBYTES)
        for name, (size, html) in sizes.items()
    ]
    rows.append(
        Row(
            f"portal: memory that {STREAMS} pages which are followed add",
            "MB",
            [followed - alone],
            "the Batch service without them",
            [alone],
            GOAL_MEGABYTES,
        )
    )
    return Measured(rows, [REMARK])


def _fill(service: RunningService, client: Client, tasks: int) -> None:
    """A job with so many tasks, and a pool with nodes of which its owner does not know."""
    operations.ask_for_pool(client, POOL, nodes=0)
    operations.create_job(client, JOB, POOL)
    operations.add(client, JOB, operations.collections(tasks, "/bin/true"))
    with _database(service) as connection:
        pool_no = connection.execute(sa.select(schema.pools.c.pool_no)).scalar_one()
        connection.execute(sa.insert(schema.nodes), [_node(pool_no, number) for number in range(NODES)])


@contextlib.contextmanager
def _database(service: RunningService) -> Iterator[sa.Connection]:
    """That of the running service, in a transaction."""
    engine = create_engine(f"sqlite:///{service.data_dir / 'batch.db'}")
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        yield connection
    engine.dispose()


def _node(pool_no: int, number: int) -> dict[str, Any]:
    now = time.time_ns() // 100 + 621_355_968_000_000_000
    times = {"state_time": now, "allocated": now, "booted": now}
    return {
        "pool_no": pool_no,
        "id": f"tvmps_{secrets.token_hex(32)}_d",
        "dedicated": True,
        "state": "idle",
        **times,
    }


def _timed(client: Client) -> float:
    began = time.monotonic()
    client.get(f"/jobs/{JOB}", select="id")
    return 1000 * (time.monotonic() - began)


class Browser:
    """The operator's, as far as HTTP goes."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._place = urlsplit(service.batch_url).netloc
        self._connection = HTTPConnection(self._place)
        self._headers = {**_OF_BROWSERS, "accept-encoding": "gzip"}

    def enter(self) -> None:
        found = endpoints.load(self._service.data_dir)
        if found is None:
            raise operations.WorkloadError("the service does not run")
        url = urlsplit(link(self._service.data_dir, found))
        self._connection.request("GET", f"{url.path}?{url.query}", headers=self._headers)
        answer = self._connection.getresponse()
        self._headers["cookie"] = (answer.headers["set-cookie"] or "").partition(";")[0]
        answer.read()

    def close(self) -> None:
        self._connection.close()

    def see(self, path: str, row: bytes) -> Sight:
        """Raises WorkloadError for a page without such a row."""
        began = time.monotonic()
        self._connection.request("GET", path, headers=self._headers)
        answer, html, taken, sent = self._connection.getresponse(), b"", 0.0, 0
        unpacked = zlib.decompressobj(_GZIP)
        while piece := answer.read1(1 << 16):
            sent += len(piece)
            html += unpacked.decompress(piece)
            if not taken and row in html:
                taken = 1000 * (time.monotonic() - began)
        answer.close()
        if not taken:
            raise operations.WorkloadError(f"{path}: {answer.status}, without a row")
        return Sight(taken, html, sent)

    def load_kilobytes(self, sight: Sight) -> tuple[float, float]:
        """Of a page with all its files, as they were sent, and of its HTML alone."""
        files = {match.decode() for match in _FILE.findall(sight.html)}
        return (sight.sent + sum(map(self._size, files))) / 1000, sight.sent / 1000

    def _size(self, path: str) -> int:
        self._connection.request("GET", path, headers=self._headers)
        return len(self._connection.getresponse().read())

    @contextlib.contextmanager
    def follow(self, path: str) -> Iterator[Stream]:
        headers = {**self._headers, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
        lines = [f"GET /-/portal/live?of={quote(path, safe='')} HTTP/1.1", f"host: {self._place}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        host, _, port = self._place.rpartition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall("\r\n".join([*lines, "accept: text/event-stream", "", ""]).encode())
            stream = Stream(connection)
            yield stream
            connection.shutdown(socket.SHUT_RDWR)
            stream.join()


@contextlib.contextmanager
def _browser(service: RunningService) -> Iterator[Browser]:
    browser = Browser(service)
    try:
        browser.enter()
        yield browser
    finally:
        browser.close()


class Stream(threading.Thread):
    """Reads what a page is sent, and counts the events."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self.events = 0
        self.start()

    def run(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while piece := self._connection.recv(1 << 16):
                rest += piece
                *whole, rest = rest.split(b"\nid: ")
                self.events += len(whole)


def _memory(service: RunningService, client: Client, browser: Browser) -> tuple[float, float]:
    """Megabytes of the Batch process, without pages that are followed and with them."""
    batch = processes.find(service).batch
    for number in range(CHANGES):
        _change(service, client, number)
    alone = processes.megabytes(batch)
    with contextlib.ExitStack() as stack:
        paths = [path for path, _ in PAGES.values()]
        streams = [stack.enter_context(browser.follow(paths[n % len(paths)])) for n in range(STREAMS)]
        for number in range(CHANGES):
            _until_heard(streams, number + 1)
            _change(service, client, CHANGES + number)
        _until_heard(streams, CHANGES + 1)
        return alone, processes.megabytes(batch)


def _change(service: RunningService, client: Client, number: int) -> None:
    """Something that both pages show: more tasks that all nodes have run, and one task more that waits."""
    with _database(service) as connection:
        connection.execute(sa.update(schema.nodes).values(tasks_run=number + 1))
    client.post(f"/jobs/{JOB}/tasks", {"id": f"more{number}", "commandLine": "/bin/true"})


def _until_heard(streams: list[Stream], events: int) -> None:
    deadline = time.monotonic() + operations.PATIENCE_SECONDS
    while min(stream.events for stream in streams) < events:
        if time.monotonic() > deadline:
            raise operations.WorkloadError(f"changes are not heard of: {[each.events for each in streams]}")
        time.sleep(operations.POLL_SECONDS)
