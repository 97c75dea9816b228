"""The directories of a node, as the documentation lays them out.

Below the node's own directory lie the agent's files, the tasks' home directory and Python, what waits to
be removed, and `root`, the only part that the service reads files from::

    agent.json  agent.log  home/  python/  waste/
    root/applications  root/fsmounts  root/shared  root/startup  root/volatile
    root/workitems/{job}/job-1/{task}/{stdout.txt,stderr.txt,wd/}

A run begins in empty directories: what an earlier run left in the same place is moved away first. Only a
retry goes on where the run before left off, and has that one's output beside its own. What tasks planted
there and on the way there (symbolic links above all) is never followed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from collections.abc import Sequence

from batchite.nodes import inside
from batchite.nodes.python import NodePython
from batchite.wire.batch import directories

BEFORE = ".1"
"""What the output files of the run before end in; a pattern for output, `std*.txt`, does not mean them."""
_STARTUP = "startup"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class RunDirectory:
    """Where one command line runs: `path` holds stdout.txt and stderr.txt, `working` is its wd."""

    __slots__ = ("_root", "names", "path", "working")

    def __init__(self, root: str, names: Sequence[str]) -> None:
        self._root = root
        self.names = names
        """of the directories that lead to it from the node's root"""
        self.path = "/".join((root, *names))
        self.working = self.path + "/wd"

    def enter(self, *names: str, make: bool = False) -> int:
        """A descriptor of the directory that has these names below it. Raises OSError."""
        with inside.opened(inside.top(self._root)) as root:
            return inside.enter(root, (*self.names, *names), make=make)

    def open(self, files: contextlib.ExitStack) -> tuple[int, int, int]:
        """Descriptors of the working directory and of new files for stdout and stderr, which `files` closes.
        Those of the run before get another name. Raises OSError."""

        def kept(descriptor: int) -> int:
            return files.enter_context(inside.opened(descriptor))

        directory = kept(self.enter())
        working = kept(inside.enter(directory, ("wd",)))
        output, errors = (kept(_open_output(name, directory)) for name in ("stdout.txt", "stderr.txt"))
        return working, output, errors


def _open_output(name: str, directory: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        os.replace(name, name + BEFORE, src_dir_fd=directory, dst_dir_fd=directory)
    return inside.create(name, directory, 0o644, os.O_APPEND)


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
        self.startup = f"{self.root}/{_STARTUP}"
        self.volatile = self.root + "/volatile"
        self.workitems = f"{self.root}/{directories.WORKITEMS}"
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
            with inside.opened(inside.top(self.node)) as node:
                self._move_away(os.path.basename(self.python.path), node)
            self.python.make()
        return [f"{self._waste}/{name}" for name in os.listdir(self._waste)]

    def task(self, job_id: str, task_id: str) -> RunDirectory:
        """The directory of a task. Raises ValueError for ids that the service never gives."""
        return RunDirectory(self.root, _checked(directories.of_task(job_id, task_id)))

    def start_task(self) -> RunDirectory:
        return RunDirectory(self.root, (_STARTUP,))

    def prepare(self, directory: RunDirectory) -> str | None:
        """Make the directory of a run. What lay there is moved away; returns where to, to be removed."""
        *parents, name = directory.names
        with inside.opened(self._enter(parents, make=True)) as parent:
            discarded = self._move_away(name, parent)
            os.mkdir(name, dir_fd=parent)
        os.close(directory.enter("wd", make=True))
        return discarded

    def holds(self, directory: RunDirectory) -> bool:
        """Whether a run can go on in this directory."""
        try:
            os.close(directory.enter("wd"))
        except OSError:
            return False
        return True

    def discard_task(self, job_id: str, task_id: str) -> str | None:
        """Move its directory out of sight, at once; returns where to, or None if there is none."""
        return self._discard(_checked(directories.of_task(job_id, task_id)))

    def discard_job(self, job_id: str) -> str | None:
        """As `discard_task`; for a plain job all that is below its id."""
        names = _checked(directories.of_job(job_id))
        return self._discard(names if ":" in job_id else names[:-1])

    def _discard(self, names: Sequence[str]) -> str | None:
        *parents, name = names
        try:
            with inside.opened(self._enter(parents)) as parent:
                return self._move_away(name, parent)
        except FileNotFoundError:
            return None

    def _enter(self, names: Sequence[str], *, make: bool = False) -> int:
        with inside.opened(inside.top(self.root)) as root:
            return inside.enter(root, names, make=make)

    def _move_away(self, name: str, directory: int) -> str | None:
        target = f"{self._waste}/{self._era}-{next(self._discards)}"
        try:
            os.rename(name, target, src_dir_fd=directory)
        except FileNotFoundError:
            return None
        return target

    @property
    def is_there(self) -> bool:
        return os.path.isdir(self.root)


def _checked(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if _ID.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not an id that can name a directory")
    return names
