"""The process that is a node: recognised, and buried.

It is known by its number, its start time and the machine's boot, and is found by its command line even
if the service died before it could store those.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal

import msgspec

from batchite.engines.base import Handle
from batchite.machine import proc

MODULE = "batchite.nodes"


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
        if words[-3:-1] == ["-m", MODULE] and (agent := identify(process.pid)) is not None:
            known = agents.setdefault(words[-1], agent)
            if (agent.started, agent.pid) < (known.started, known.pid):  # started: in hundredths
                agents[words[-1]] = agent
    return agents


def kill(pid: int) -> None:
    """End an agent that was just started and is not watched yet."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


@functools.cache
def _boot_id() -> str:
    return proc.boot_id()
