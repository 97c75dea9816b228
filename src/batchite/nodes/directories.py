"""The directories of a node, as the documentation lays them out.

Below the node's own directory lie the agent's files, the tasks' Python, what waits to be removed, and
`root`, the only part that the service reads files from::

    agent.json  agent.log  python/  waste/
    root/applications  root/fsmounts  root/shared  root/startup  root/volatile
    root/workitems/{job}/job-1/{task}/{stdout.txt,stderr.txt,wd/}

A run begins in empty directories: what an earlier run left in the same place is moved away first. Only a
retry goes on where the run before left off, and has that one's output beside its own. What tasks planted
there and on the way there (symbolic links above all) is never followed.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import time
from collections.abc import Sequence

from batchite.nodes import inside, short_name
from batchite.nodes.python import NodePython
from batchite.wire.batch import directories

BEFORE = ".1"
"""What the output files of the run before end in; a pattern for output, `std*.txt`, does not mean them."""
_DOCUMENTED = ("applications", "fsmounts", "shared", "volatile", directories.WORKITEMS)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


log = logging.getLogger(__name__)


class RunDirectory:
    """Where one command line runs: `path` holds stdout.txt and stderr.txt, `working` is its wd.

    These are the names that tasks are told; `place` is where it really lies.
    """

    __slots__ = ("_root", "names", "path", "place", "working")

    def __init__(self, root: str, names: Sequence[str], called: str = "") -> None:
        """`called`: another name of the root, for tasks."""
        self._root = root
        self.names = names
        """of the directories that lead to it from the node's root"""
        self.path = "/".join((called or root, *names))
        self.place = "/".join((root, *names))
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
    with contextlib.suppress(FileExistsError):
        return inside.new(name, directory, 0o644, os.O_APPEND)
    os.replace(name, name + BEFORE, src_dir_fd=directory, dst_dir_fd=directory)
    return inside.create(name, directory, 0o644, os.O_APPEND)


class NodeDirectories:
    """The layout below one node's directory; `called` is a short name for its root, if it shall have one."""

    def __init__(self, node: str, called: str = "") -> None:
        self.node = os.path.realpath(node)
        self.root = self.node + "/root"
        self.called = called or self.root
        """the root's name for tasks"""
        self.python = NodePython(self.node + "/python")
        self._waste = self.node + "/waste"
        self._era = time.time_ns()
        self._discards = itertools.count()

    @property
    def shared(self) -> str:
        """For tasks, as the next."""
        return self.called + "/shared"

    @property
    def mounts(self) -> str:
        return self.called + "/fsmounts"

    def create(self) -> list[str]:
        """Make what is missing; returns what an earlier agent did not get round to removing."""
        for path in (self._waste, self.root):
            os.makedirs(path, exist_ok=True)
        for name in _DOCUMENTED:
            with inside.opened(inside.top(self.root)) as root:
                self._make(name, root)
        if not self.holds(self.start_task()):
            self.prepare(self.start_task())
        if not self.python.is_made:
            with inside.opened(inside.top(self.node)) as node:
                self._move_away(os.path.basename(self.python.path), node)
            self.python.make()
        self._call()
        return [f"{self._waste}/{name}" for name in os.listdir(self._waste)]

    def _make(self, name: str, directory: int) -> None:
        """What tasks have put in the place of a directory is moved away."""
        try:
            os.close(inside.enter(directory, (name,), make=True))
        except OSError:
            self._move_away(name, directory)
            os.mkdir(name, dir_fd=directory)

    def _call(self) -> None:
        try:
            if self.called != self.root:
                short_name.give(self.called, self.root)
        except OSError as error:
            log.warning("tasks are told the long name of the node's root: %s: %s", self.called, error)
            self.called = self.root

    def keep_name(self) -> None:
        """Give the root its short name again, if somebody tidied it away."""
        if self.called != self.root and not short_name.is_given(self.called, self.root):
            with contextlib.suppress(OSError):
                short_name.give(self.called, self.root)

    def close(self) -> None:
        """Nothing of the node runs any more."""
        short_name.take(self.called, self.root)

    def task(self, job_id: str, task_id: str) -> RunDirectory:
        """The directory of a task. Raises ValueError for ids that the service never gives."""
        return RunDirectory(self.root, _checked(directories.of_task(job_id, task_id)), self.called)

    def start_task(self) -> RunDirectory:
        return RunDirectory(self.root, (directories.STARTUP,), self.called)

    def prepare(self, directory: RunDirectory) -> str | None:
        """Make the directory of a run. What lay there is moved away; returns where to, to be removed."""
        *parents, name = directory.names
        with inside.opened(self._enter(parents, make=True)) as parent:
            discarded = self._make_anew(name, parent)
            with inside.opened(inside.enter(parent, (name,))) as made, contextlib.suppress(FileExistsError):
                os.mkdir("wd", dir_fd=made)
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

    def _make_anew(self, name: str, directory: int) -> str | None:
        """Make an empty directory; what has its name is moved away."""
        try:
            os.mkdir(name, dir_fd=directory)
        except FileExistsError:
            discarded = self._move_away(name, directory)
            os.mkdir(name, dir_fd=directory)
            return discarded
        return None

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
