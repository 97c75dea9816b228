"""Nodes without machines: many agents in one process, each with a link of its own that speaks the protocol.

`at_work` has a service take them for its own. It adopts nodes that outlived it, and these are written down as
such: with the handle of this process, and with credentials that are known here. A task does nothing but take
as long as its command says (`sleep 2.5`), and ends well.

`python -m benchmarks.agents` is that process: it reads a `Crowd` as JSON, a line, says so in a line once all
links are up, and ends with SIGTERM (without a handler: a service that stops sends it once for each node).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

import batchite
from batchite.engines.local import agent
from batchite.link import messages
from batchite.link.messages import FromAgent, Hello, Run, RunEnded, RunReturned, RunStarted, ToAgent
from batchite.machine.clock import SystemClock
from batchite.nodes import definition
from batchite.nodes.link import Link
from batchite.nodes.reports import Reports
from batchite.store.batch import schema
from batchite.store.database import create_engine
from batchite.testing import RunningService, running_service
from batchite.wire.batch.outcome import Failure
from benchmarks import operations
from benchmarks.client import Client

UP = "all are up"


class Crowd(msgspec.Struct, frozen=True):
    """Who is to be there: credentials by node id."""

    service_url: str
    slots: int
    tokens: dict[str, str]


class SimulatedAgent:
    """Speaks for one node. Tasks that find no free slot wait, as they do on a real one."""

    def __init__(self, crowd: Crowd, node_id: str, up: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = SystemClock()
        self._booted = self._now
        self._free = crowd.slots
        self._up: Callable[[], None] | None = up
        self._waiting: deque[Run] = deque()
        self._running: dict[tuple[int, int], tuple[int, Run, asyncio.TimerHandle]] = {}
        """since when, what, and what ends it"""
        self.link = Link(crowd.service_url, node_id, crowd.tokens[node_id], self)
        self._reports = Reports(self.link.send)

    # Receiver

    def hello(self, address: str) -> Hello:
        waiting = (messages.RunKey(task.number, task.attempt) for task in self._waiting)
        running = (messages.RunKey(*key) for key in self._running)
        held = (*waiting, *running, *self._reports.held())
        return Hello(messages.PROTOCOL, batchite.__version__, self._booted, held, 0, address=address)

    def welcomed(self) -> list[FromAgent]:
        if self._up is not None:
            self._up()
            self._up = None
        return [*self._reports.pending]

    def received(self, message: ToAgent) -> None:
        match message:
            case messages.Run():
                self._waiting.append(message)
                self._advance()
            case messages.Acknowledge(report):
                self._reports.acknowledge(report)
            case messages.EndRun(task, attempt, failure):
                self._end(task, attempt, failure)
            case messages.RecallRun(task, attempt):
                if self._forget(task, attempt):
                    self._reports.add(RunReturned(self._reports.next_number, task, attempt))
            case messages.ListFiles() | messages.StatFile() | messages.SendFile() | messages.DeleteFile():
                self.link.send(messages.FileFailed(message.request, "not-found"))
            case _:
                pass

    @property
    def _now(self) -> int:
        return self._clock.now().ticks

    def _advance(self) -> None:
        while self._waiting and self._waiting[0].slots <= self._free:
            task = self._waiting.popleft()
            self._free -= task.slots
            now = self._now
            self._reports.add(
                RunStarted(self._reports.next_number, task.number, task.attempt, now), soon=False
            )
            ends = self._loop.call_later(_seconds(task), self._end, task.number, task.attempt, None)
            self._running[task.number, task.attempt] = (now, task, ends)

    def _end(self, task: int, attempt: int, failure: Failure | None) -> None:
        started, ran, ends = self._running.pop((task, attempt), (None, None, None))
        if ran is not None and ends is not None:
            ends.cancel()
            self._free += ran.slots
        else:
            self._forget(task, attempt)
        code = 0 if failure is None else None
        self._reports.add(
            RunEnded(self._reports.next_number, task, attempt, started, self._now, code, failure)
        )
        self._advance()

    def _forget(self, task: int, attempt: int) -> bool:
        """Whether it waited."""
        before = len(self._waiting)
        self._waiting = deque(one for one in self._waiting if (one.number, one.attempt) != (task, attempt))
        return len(self._waiting) < before


def _seconds(task: Run) -> float:
    words = definition.decode(task.definition).command_line.split()
    return float(words[1]) if words[:1] == ["sleep"] else 0.0


async def run(crowd: Crowd) -> None:
    """Until the service wants one of them no more."""
    left = len(crowd.tokens)

    def one_up() -> None:
        nonlocal left
        left -= 1
        if not left:
            print(UP, flush=True)

    agents = [SimulatedAgent(crowd, node_id, one_up) for node_id in crowd.tokens]
    await asyncio.gather(*(each.link.keep() for each in agents))


@contextlib.contextmanager
def at_work(
    pool_id: str, nodes: int, slots: int, prepare: Callable[[Client], None]
) -> Iterator[tuple[RunningService, Client]]:
    """A service with a pool of so many nodes that are simulated, all in contact. `prepare` is called before
    they are, when the pool has none. Raises WorkloadError."""
    with contextlib.ExitStack() as stack:
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with running_service(data_dir) as service, operations.connected(service) as client:
            operations.ask_for_pool(client, pool_id, nodes=0, slots=slots)
            prepare(client)
        process = stack.enter_context(_process())
        tokens = {f"tvmps_{secrets.token_hex(32)}_d": secrets.token_urlsafe() for _ in range(nodes)}
        _write_down(data_dir, pool_id, tokens, process.pid)
        service = stack.enter_context(running_service(data_dir))
        _talk(process, Crowd(service.batch_url, slots, tokens))
        yield service, stack.enter_context(operations.connected(service))


@contextlib.contextmanager
def _process() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "benchmarks.agents"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


def _write_down(data_dir: Path, pool_id: str, tokens: dict[str, str], pid: int) -> None:
    """The nodes as the service itself would have left them, all idle."""
    found = agent.identify(pid)
    if found is None:
        raise operations.WorkloadError("the process of the agents has ended")
    now = SystemClock().now().ticks
    engine = create_engine(f"sqlite:///{data_dir / 'batch.db'}")
    of_pool = schema.pools.c.id == pool_id
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        pool = connection.execute(sa.select(schema.pools).where(of_pool)).one()
        row: dict[str, Any] = {"pool_no": pool.pool_no, "dedicated": True, "state": "idle", "engine": "local"}
        row |= dict.fromkeys(("state_time", "allocated", "booted", "boot_requested", "boot_ready"), now)
        row["handle"] = found.handle
        hashes = {id_: hashlib.sha256(token.encode()).digest() for id_, token in tokens.items()}
        connection.execute(
            sa.insert(schema.nodes),
            [{**row, "id": id_, "token_hash": token_hash} for id_, token_hash in hashes.items()],
        )
        connection.execute(sa.update(schema.pools).where(of_pool).values(target_dedicated=len(tokens)))
        cores = schema.core_usage.c.cores + len(tokens) * pool.node_cores
        connection.execute(sa.update(schema.core_usage).values(cores=cores))
    engine.dispose()


def _talk(process: subprocess.Popen[bytes], crowd: Crowd) -> None:
    """Until all of them are in contact. Raises WorkloadError."""
    began = time.monotonic()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(crowd) + b"\n")
    process.stdin.flush()
    if process.stdout.readline().decode().strip() != UP:
        raise operations.WorkloadError(f"agents ended after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(run(msgspec.json.decode(sys.stdin.buffer.readline(), type=Crowd)))
