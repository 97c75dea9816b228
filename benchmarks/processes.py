"""The processes of a running service: which they are, what memory and processor time they use."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from batchite.testing import RunningService

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Processes:
    """Of one `batchite serve`."""

    supervisor: psutil.Process
    batch: psutil.Process
    blob: psutil.Process
    agents: tuple[psutil.Process, ...]

    @property
    def cpu_seconds(self) -> float:
        """Used so far by all of them and by the tasks that have ended."""
        parts = (self.supervisor, self.batch, self.blob, *self.agents)
        return sum(cpu_seconds(part) for part in parts) + sum(ended_seconds(agent) for agent in self.agents)


def find(service: RunningService) -> Processes:
    supervisor = psutil.Process(service.process.pid)
    children = {child.cmdline()[3]: child for child in supervisor.children()}
    agents = tuple(one for one in psutil.process_iter() if _is_agent(one, str(service.data_dir)))
    return Processes(supervisor, children["batch"], children["blob"], agents)


def cpu_seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def ended_seconds(process: psutil.Process) -> float:
    """Used by the children of a process that it has waited for."""
    used = process.cpu_times()
    return float(used.children_user + used.children_system)


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MEGABYTE


def _is_agent(process: psutil.Process, data_dir: str) -> bool:
    try:
        line = process.cmdline()
    except psutil.Error:
        return False
    return "batchite.nodes" in line and any(data_dir in part for part in line)
