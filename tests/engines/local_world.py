"""The local engine below tests, its agents, and what this machine says of them."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.conformance import is_running, until
from tests.nodes.peer import Peer, node_spec

from batchite.engines.base import Lost
from batchite.engines.local import agent
from batchite.engines.local.engine import LocalEngine
from batchite.link.spec import NodeSpec


class LocalWorld:
    def __init__(self, service: Peer, directory: Path) -> None:
        self.service = service
        self.scratch = directory
        self.nodes = directory / "nodes"
        self.lost: list[tuple[str, str]] = []
        self.engines: list[LocalEngine] = []

    def engine(self, lost: Lost | None = None) -> LocalEngine:
        def note(node_id: str, reason: str) -> None:
            self.lost.append((node_id, reason))

        self.engines.append(LocalEngine(self.nodes, lost or note))
        return self.engines[-1]

    def agent(self, node_id: str) -> int:
        """The process number of the node's agent. Raises KeyError if there is none."""
        return agent.running()[str(self.nodes / node_id)].pid

    def agents(self, node_id: str) -> list[int]:
        words = ["batchite.nodes", str(self.nodes / node_id)]
        return [int(name) for name in os.listdir("/proc") if command_line(name)[-2:] == words]

    def impossible(self) -> NodeSpec:
        """There is a file where its directory should be."""
        self.nodes.mkdir(exist_ok=True)
        (self.nodes / "impossible").touch()
        return node_spec(self.service.url, node_id="impossible")

    async def kill(self, node_id: str) -> None:
        await until(lambda: bool(self.agents(node_id)))  # a process that has just begun has no words yet
        pid = self.agent(node_id)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not is_running(pid))

    async def clear(self) -> None:
        for engine in self.engines:
            await engine.close()
        last = LocalEngine(self.nodes, lambda *_: None)
        for node_id in last.found():
            await last.stop(node_id, None)
        await last.close()


def command_line(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except (OSError, ValueError):
        return []


def of_kernel(pid: int, what: str) -> bytes:
    return Path(f"/proc/{pid}/{what}").read_bytes()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process has none left meanwhile."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), limits[1]))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/", os.O_PATH))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
