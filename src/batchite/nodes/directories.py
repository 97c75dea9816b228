"""Where things are in a node's tree, as the documentation lays it out."""

from __future__ import annotations

import re
from typing import NamedTuple

from batchite.wire.batch import directories

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class RunDirectory(NamedTuple):
    """Where one command line runs."""

    names: tuple[str, ...]
    """that lead to it from the node's root"""
    path: str
    """as tasks are told it: there are stdout.txt and stderr.txt"""

    @property
    def working(self) -> str:
        return self.path + "/wd"


class NodeDirectories:
    """Of a node with this root directory, as tasks are told it."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.shared = root + "/shared"
        self.mounts = root + "/fsmounts"
        self.start_task = self._run((directories.STARTUP,))

    def task(self, job_id: str, task_id: str) -> RunDirectory:
        """The directory of a task. Raises ValueError for ids that the service never gives."""
        return self._run(_checked(directories.of_task(job_id, task_id)))

    def job(self, job_id: str) -> tuple[str, ...]:
        """The names that lead to all that is a job's; for a plain job that is all below its id. Raises
        ValueError as `task`."""
        names = _checked(directories.of_job(job_id))
        return names if ":" in job_id else names[:-1]

    def _run(self, names: tuple[str, ...]) -> RunDirectory:
        return RunDirectory(names, "/".join((self.root, *names)))


def _checked(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if _ID.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not an id that can name a directory")
    return names
