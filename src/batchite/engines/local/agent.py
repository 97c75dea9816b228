"""The process that is a node: started, recognised, and buried.

It is known by its number, its start time and the machine's boot, and is found by its command line even
if the service died before it could store those.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from pathlib import Path

import msgspec

import batchite
from batchite.engines.base import Handle
from batchite.engines.local.directory import NodeDirectory
from batchite.engines.local.machines import Made
from batchite.link.machines import SOCKET_VARIABLE, WHY_VARIABLE
from batchite.link.spec import GROUP_VARIABLE
from batchite.link.wrapping import VARIABLE as WRAPPING_VARIABLE
from batchite.machine import proc

_MODULE = "batchite.nodes"
_SPAWNER = 3
"""the number by which an agent inherits the socket of its node's spawner"""
_INHERITED = ("LD_LIBRARY_PATH", "TZ")


class Agent(msgspec.Struct, frozen=True):
    pid: int
    started: int
    boot: str

    @property
    def handle(self) -> Handle:
        return Handle(msgspec.json.encode(self).decode())

    @property
    def runs(self) -> bool:
        """Whether the process of this number is still this one."""
        return identify(self.pid) == self

    def bury(self) -> None:
        """Reap it when it is over; one that an earlier service started is not ours to reap."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


def identify(pid: int) -> Agent | None:
    """The agent with this number; None if it ended, even if nobody has noticed yet."""
    process = proc.read(pid)
    if process is None or process.is_dead:
        return None
    return Agent(pid, process.started, _boot_id())


def of_handle(handle: Handle | None) -> Agent | None:
    """The agent if it still runs."""
    if handle is None:
        return None
    try:
        agent = msgspec.json.decode(handle, type=Agent)
    except msgspec.DecodeError:
        return None
    return agent if agent.runs else None


def running() -> dict[str, Agent]:
    """All agents on this machine by node directory.

    A process that an agent is about to start shows the agent's own words for a moment: of several
    with the same words the agent is the oldest.
    """
    agents: dict[str, Agent] = {}
    for process in proc.all_processes():
        words = proc.words(process.pid)
        if words[-3:-1] == ["-m", _MODULE] and (agent := identify(process.pid)) is not None:
            known = agents.setdefault(words[-1], agent)
            if (agent.started, agent.pid) < (known.started, known.pid):  # started: in hundredths
                agents[words[-1]] = agent
    return agents


def spawn(directory: NodeDirectory, group: Path | None, made: Made | Path | str = "") -> Agent:
    """Start the agent of a directory that has its spec. Raises OSError; nothing runs then.

    It joins the group with that list of members first of all. `made`: the machine that it is the agent of, or
    the file that says what it sees from behind a wall, or why its node has neither.
    """
    more = {} if group is None else {GROUP_VARIABLE: str(group)}
    passed: list[tuple[int, int, int]] = []
    if isinstance(made, str):
        more[WHY_VARIABLE] = made
    elif isinstance(made, Path):
        more[WRAPPING_VARIABLE] = str(made)
    else:
        more[SOCKET_VARIABLE] = str(_SPAWNER)
        passed = [(os.POSIX_SPAWN_DUP2, made.spawner.fileno(), _SPAWNER)]
    pid = os.posix_spawn(
        sys.executable,
        # Without `site`, which costs time at every start; PYTHONPATH says what it would find out.
        [sys.executable, "-S", "-P", "-m", _MODULE, str(directory.path)],
        _environment() | more,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(directory.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *passed,
        ],
        setsid=True,
        setsigmask=(),
    )
    try:
        agent = identify(pid)
    except OSError:
        kill(pid)
        raise
    if agent is None:
        kill(pid)
        raise ChildProcessError(f"the agent in {directory.path} ended as it was started")
    return agent


def kill(pid: int) -> None:
    """End a child of this process that is not watched yet."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _environment() -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    places = [str(Path(batchite.__file__).parent.parent), *filter(None, sys.path)]
    return {**inherited, "PYTHONPATH": os.pathsep.join(dict.fromkeys(places))}


@functools.cache
def _boot_id() -> str:
    return proc.boot_id()
