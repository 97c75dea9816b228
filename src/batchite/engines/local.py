"""Nodes on this machine: each is an agent, detached from the service, in a directory of its own.

An agent is known by its process number, start time and the machine's boot, and is found by its
command line even if the service died before it could store that. Agents are watched by pidfd, so
the engine learns of a death whether it started the agent or adopted it. A node is reported as lost
only after everything that its agent left behind is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path

import msgspec

import batchite
from batchite import proc, removal
from batchite.engines.base import Handle, Lost
from batchite.engines.leftovers import Leftovers
from batchite.link.spec import FILE_NAME, NodeSpec

STOP_SECONDS = 10.0
"""How long an agent may take to end its tasks before it is killed."""

_LOG_NAME = "agent.log"
_LOG_TAIL_BYTES = 2000
_MODULE = "batchite.nodes"
_INHERITED = ("LD_LIBRARY_PATH", "TZ")

log = logging.getLogger(__name__)


class _Agent(msgspec.Struct, frozen=True):
    """The process that is a node."""

    pid: int
    started: int
    boot: str


class _Watched:
    """An agent that runs, and the descriptor that tells its end."""

    def __init__(self, agent: _Agent, descriptor: int) -> None:
        self.agent = agent
        self.descriptor = descriptor
        self.ended = asyncio.Event()
        self.unexpected = True


class LocalEngine:
    """Starts agents below `directory`; `lost` is told of each node that ends by itself."""

    def __init__(self, directory: Path, lost: Lost, *, stop_seconds: float = STOP_SECONDS) -> None:
        self._directory = directory.resolve()
        self._lost = lost
        self._stop_seconds = stop_seconds
        self._watched: dict[str, _Watched] = {}
        self._mourned: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._closed = False

    async def start(self, spec: NodeSpec) -> Handle:
        """Raises OSError if the machine cannot start another process or the disk is full."""
        async with self._lock(spec.node_id):
            watched = self._watched.get(spec.node_id)
            if watched is None:
                agent = await asyncio.to_thread(self._find_or_spawn, spec)
                watched = self._watch(spec.node_id, agent)
        if watched is None:
            raise ChildProcessError(f"the agent of node {spec.node_id} ended as it was started")
        return _handle(watched.agent)

    async def stop(self, node_id: str, handle: Handle | None, *, keep_files: bool = False) -> None:
        self._mourned.discard(node_id)
        async with self._lock(node_id):
            watched = self._watched.get(node_id)
            if watched is None:
                agent = await asyncio.to_thread(self._find, node_id, handle)
                watched = self._watch(node_id, agent) if agent is not None else None
            if watched is not None:
                await self._end(watched)
            await asyncio.to_thread(self._kill_leftovers if keep_files else self._clear, node_id)

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        found = await asyncio.to_thread(self._find_all, handles)
        for node_id, agent in found.items():
            if node_id in self._watched:
                continue
            if agent is None or self._watch(node_id, agent) is None:
                self._mourn(node_id, "its agent was gone when the service started")

    async def close(self) -> None:
        self._closed = True
        for watched in self._watched.values():
            self._forget(watched)
        self._watched.clear()
        await asyncio.gather(*self._tasks)

    def _lock(self, node_id: str) -> asyncio.Lock:
        """Starting, stopping and clearing up after a node happen one after the other."""
        return self._locks.setdefault(node_id, asyncio.Lock())

    def node_directory(self, node_id: str) -> Path:
        """Raises ValueError for a node id that names no directory."""
        if not node_id or "/" in node_id or node_id.startswith("."):
            raise ValueError(f"{node_id!r} cannot be the name of a directory")
        return self._directory / node_id

    # starting

    def _find_or_spawn(self, spec: NodeSpec) -> _Agent:
        agent = self._find(spec.node_id, None)
        if agent is not None:
            return agent
        self._kill_leftovers(spec.node_id)
        node = self.node_directory(spec.node_id)
        node.mkdir(parents=True, exist_ok=True)
        _write_private(node / FILE_NAME, msgspec.json.encode(spec))
        return _spawn(node)

    # finding

    def _find(self, node_id: str, handle: Handle | None) -> _Agent | None:
        return self._find_all({node_id: handle})[node_id]

    def _find_all(self, handles: Mapping[str, Handle | None]) -> dict[str, _Agent | None]:
        found = {node_id: _verify(handle) for node_id, handle in handles.items()}
        if any(agent is None for agent in found.values()):
            running = _running_agents()
            for node_id in [node_id for node_id, agent in found.items() if agent is None]:
                found[node_id] = running.get(str(self.node_directory(node_id)))
        return found

    # watching

    def _watch(self, node_id: str, agent: _Agent) -> _Watched | None:
        """None if the agent has ended meanwhile."""
        try:
            descriptor = os.pidfd_open(agent.pid)
        except ProcessLookupError:
            return None
        if _identify(agent.pid) != agent:
            os.close(descriptor)
            _bury(agent.pid)
            return None
        watched = self._watched[node_id] = _Watched(agent, descriptor)
        asyncio.get_running_loop().add_reader(descriptor, self._on_end, node_id, watched)
        return watched

    def _forget(self, watched: _Watched) -> None:
        asyncio.get_running_loop().remove_reader(watched.descriptor)
        os.close(watched.descriptor)

    def _on_end(self, node_id: str, watched: _Watched) -> None:
        self._forget(watched)
        del self._watched[node_id]
        _bury(watched.agent.pid)
        watched.ended.set()
        if watched.unexpected:
            self._mourn(node_id, "its agent ended")

    # ending

    def _mourn(self, node_id: str, reason: str) -> None:
        self._mourned.add(node_id)
        task = asyncio.get_running_loop().create_task(self._report(node_id, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _report(self, node_id: str, reason: str) -> None:
        async with self._lock(node_id):
            last_words = await asyncio.to_thread(_last_words, self.node_directory(node_id) / _LOG_NAME)
            await asyncio.to_thread(self._clear, node_id)
            if node_id in self._mourned and not self._closed:
                self._mourned.discard(node_id)
                self._lost(node_id, f"{reason}: {last_words}" if last_words else reason)

    async def _end(self, watched: _Watched) -> None:
        watched.unexpected = False
        for number in (signal.SIGTERM, signal.SIGKILL):
            if watched.ended.is_set():
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(watched.descriptor, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(watched.ended.wait(), self._stop_seconds)
        await watched.ended.wait()

    def _clear(self, node_id: str) -> None:
        """Make sure that nothing of the node runs, then remove its files, which may take a while.

        A node is over when nothing of it runs, even if files of it resist.
        """
        self._kill_leftovers(node_id)
        directory = self.node_directory(node_id)
        try:
            removal.remove(str(directory))
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("files of node %s stay in %s: %s", node_id, directory, error.strerror)

    def _kill_leftovers(self, node_id: str) -> None:
        Leftovers(str(self.node_directory(node_id) / "root")).kill()


def _spawn(node: Path) -> _Agent:
    # Without `site`, which costs time at every start; PYTHONPATH says what it would find out.
    words = [sys.executable, "-S", "-P", "-m", _MODULE, str(node)]
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    places = [str(Path(batchite.__file__).parent.parent), *filter(None, sys.path)]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(places))
    log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        words[0],
        words,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(node / _LOG_NAME), log, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
    )
    agent = _identify(pid)
    if agent is None:
        raise ChildProcessError(f"the agent in {node} ended as it was started")
    return agent


def _bury(pid: int) -> None:
    """Reap an agent that is over; one that an earlier service started is not ours to reap."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _identify(pid: int) -> _Agent | None:
    """The agent with this number; None if it ended, even if nobody has noticed yet."""
    process = proc.read(pid)
    if process is None or process.is_dead:
        return None
    return _Agent(pid, process.started, _boot_id())


def _verify(handle: Handle | None) -> _Agent | None:
    if handle is None:
        return None
    try:
        agent = msgspec.json.decode(handle, type=_Agent)
    except msgspec.DecodeError:
        return None
    return agent if agent.boot == _boot_id() and _identify(agent.pid) == agent else None


def _running_agents() -> dict[str, _Agent]:
    """By node directory.

    A process that an agent is about to start shows the agent's own words for a moment: of several
    with the same words the agent is the oldest.
    """
    agents: dict[str, _Agent] = {}
    for process in proc.all_processes():
        words = proc.words(process.pid)
        if words[-3:-1] == ["-m", _MODULE] and (agent := _identify(process.pid)) is not None:
            known = agents.setdefault(words[-1], agent)
            if agent.started < known.started:
                agents[words[-1]] = agent
    return agents


def _handle(agent: _Agent) -> Handle:
    return Handle(msgspec.json.encode(agent).decode())


@functools.cache
def _boot_id() -> str:
    return proc.boot_id()


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _last_words(log: Path) -> str:
    """The last line of an agent's log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
