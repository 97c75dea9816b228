"""Files of tasks that are over: kept for as long as each says, and then gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from azure.batch import models as m
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from tests.product.survival.pools import POOL
from tests.product.survival.strands.proof import check_once
from tests.product.survival.strands.strand import Strand

Fate = Literal["kept", "tidied away", "deleted"]

FATES: Final[Sequence[Fate]] = ("kept", "tidied away", "deleted")
JOB: Final = "keeping"
LONG = timedelta(days=1)


class Keeping(Strand):
    rest = 1.5

    def begin(self) -> None:
        self.fates: dict[str, Fate] = {}
        self.deleted: dict[str, str] = {}
        """nodes of tasks that have been deleted"""
        self.jobs.add(JOB, POOL)

    def step(self) -> None:
        name = f"{JOB}-{len(self.fates)}"
        fate = self.dice.choice(FATES) if self.fates else "deleted"  # of which there is one, however few
        self.fates[name] = fate
        time = timedelta(seconds=self.dice.uniform(0.5, 4)) if fate == "tidied away" else LONG
        constraints = m.BatchTaskConstraints(retention_time=time)
        self.jobs.add_tasks(JOB, [self.jobs.task(name, self.dice.uniform(0, 1), constraints=constraints)])
        self._delete()

    def finish(self) -> None:
        self.jobs.end_with_their_tasks(JOB)
        super().finish()
        self._delete()
        self.until(lambda: not self._too_long(), "files are tidied away")

    def _delete(self) -> None:
        """Those whose files are there."""
        for name, task in self.jobs.recorded(JOB).items():
            if self.fates[name] == "deleted" and task.state == "completed":
                self.insist_late(lambda name=name: self.client.delete_task(JOB, name), {"TaskNotFound"})
                self.deleted[name] = task.node_info.node_id
                del self.jobs.tasks[JOB][name]

    def _directory(self, node: str, name: str) -> Path:
        return self.house.data_dir / "nodes" / node / "root" / "workitems" / JOB / "job-1" / name

    def _too_long(self) -> list[str]:
        """Tasks whose files should have gone."""
        nodes = dict(self.deleted)
        for name, task in self.jobs.recorded(JOB).items():
            if self.fates[name] == "tidied away":
                nodes[name] = task.node_info.node_id
        return [name for name, node in nodes.items() if self._directory(node, name).exists()]

    def check(self) -> None:
        """What is to be kept is there, as long as its node is; the service says the same of all."""
        assert self.deleted
        for name, task in self.jobs.recorded(JOB).items():
            check_once(self.house, task, self.toll.runs(name), 0)
            node = task.node_info.node_id
            if self.fates[name] == "tidied away":
                assert not self._is_told(name), f"{name} has its files still"
            elif (self.house.data_dir / "nodes" / node).exists() and node not in self.house.killed_nodes:
                assert self._directory(node, name).is_dir(), task
                assert self._is_told(name), task

    def _is_told(self, name: str) -> bool:
        """Whether the service knows of a file of the task."""
        try:
            self.insist(lambda: self.client.get_task_file_properties(JOB, name, "stdout.txt"))
        except (ResourceNotFoundError, ResourceExistsError):  # gone, or cleaned up
            return False
        return True
