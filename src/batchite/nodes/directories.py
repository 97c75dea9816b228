"""The directories of a node, as the documentation lays them out.

Below the node's own directory lie the agent's files, the tasks' home directory and Python, what waits to
be removed, and `root`, the only part that the service reads files from::

    agent.json  agent.log  home/  python/  waste/
    root/applications  root/fsmounts  root/shared  root/startup  root/volatile
    root/workitems/{job}/job-1/{task}/{stdout.txt,stderr.txt,wd/}

A run always begins in empty directories: what an earlier run left in the same place is moved away
first, so that nothing planted there (symbolic links above all) is ever followed.
"""

from __future__ import annotations

import itertools
import os
import re
import time

from batchite.nodes.python import NodePython

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class RunDirectory:
    """Where one command line runs: `path` holds stdout.txt and stderr.txt, `working` is its wd."""

    __slots__ = ("path", "working")

    def __init__(self, path: str) -> None:
        self.path = path
        self.working = path + "/wd"

    def open_output(self, name: str) -> int:
        """Create an empty file beside wd for the run to write to; returns its descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(f"{self.path}/{name}", flags, 0o644)


class NodeDirectories:
    """The layout below one node's directory."""

    def __init__(self, node: str) -> None:
        self.node = os.path.realpath(node)
        self.home = self.node + "/home"
        self.python = NodePython(self.node + "/python")
        self.root = self.node + "/root"
        self.applications = self.root + "/applications"
        self.mounts = self.root + "/fsmounts"
        self.shared = self.root + "/shared"
        self.startup = self.root + "/startup"
        self.volatile = self.root + "/volatile"
        self.workitems = self.root + "/workitems"
        self._waste = self.node + "/waste"
        self._era = time.time_ns()
        self._discards = itertools.count()

    def create(self) -> list[str]:
        """Make what is missing; returns what an earlier agent did not get round to removing."""
        own = (self.home, self._waste)
        documented = (self.applications, self.mounts, self.shared, self.volatile, self.workitems)
        for path in own + documented:
            os.makedirs(path, exist_ok=True)
        if not self.python.is_made:
            self.discard(self.python.path)
            self.python.make()
        return [f"{self._waste}/{name}" for name in os.listdir(self._waste)]

    def job(self, job_id: str) -> str:
        """The directory of a job; a job of a schedule lies below its schedule. Raises ValueError."""
        schedule, colon, name = job_id.partition(":")
        return f"{self.workitems}/{_checked(schedule)}/{_checked(name) if colon else 'job-1'}"

    def task(self, job_id: str, task_id: str) -> RunDirectory:
        """The directory of a task. Raises ValueError for ids that the service never gives."""
        return RunDirectory(f"{self.job(job_id)}/{_checked(task_id)}")

    def start_task(self) -> RunDirectory:
        return RunDirectory(self.startup)

    def prepare(self, directory: RunDirectory) -> str | None:
        """Make the directory of a run. What lay there is moved away; returns where to, to be removed."""
        discarded = None
        try:
            os.mkdir(directory.path)
        except FileNotFoundError:
            os.makedirs(directory.path)
        except FileExistsError:
            discarded = self.discard(directory.path)
            os.mkdir(directory.path)
        os.mkdir(directory.working)
        return discarded

    def discard(self, path: str) -> str | None:
        """Move a directory out of sight, at once; returns where to, or None if there is none."""
        target = f"{self._waste}/{self._era}-{next(self._discards)}"
        try:
            os.rename(path, target)
        except FileNotFoundError:
            return None
        return target

    def job_root(self, job_id: str) -> str:
        """What `RemoveJobFiles` removes: for a plain job everything below its id."""
        return self.job(job_id) if ":" in job_id else os.path.dirname(self.job(job_id))

    @property
    def is_there(self) -> bool:
        return os.path.isdir(self.root)


def _checked(part: str) -> str:
    if _ID.fullmatch(part) is None:
        raise ValueError(f"{part!r} is not an id that can name a directory")
    return part
