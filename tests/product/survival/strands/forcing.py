"""Jobs that are terminated or deleted by force, without waiting for the nodes on which their tasks run."""

from __future__ import annotations

from functools import partial
from typing import Final

from azure.core.exceptions import ResourceNotFoundError
from tests.product.survival.pools import POOL
from tests.product.survival.strands.proof import was_ended
from tests.product.survival.strands.strand import Strand

LONG: Final = 600
"""Seconds that no task gets."""


class Forcing(Strand):
    rest = 2.0

    def begin(self) -> None:
        self.deleted: set[str] = set()
        self.made = 0

    def step(self) -> None:
        """One job after the other, until nothing of it runs."""
        job = f"forcing-{self.made}"
        self.made += 1
        self.jobs.add(job, POOL)
        self.jobs.add_tasks(job, [self.jobs.task(f"{job}-{n}", LONG) for n in range(3)])
        self.until(lambda: any(map(self.toll.is_between, self.jobs.tasks[job])), f"{job} is at work")
        if not self.deleted or self.dice.random() < 0.5:  # few steps are enough for one
            self._delete(job)
        else:
            self.jobs.terminate(job, force=True)
            self.until(lambda: self.jobs.state(job) == "completed", f"{job} is terminated")
        self.until(lambda: self._is_quiet(job), f"nothing of {job} runs")
        ends = [run for task in self.jobs.tasks[job] for run in self.toll.runs(task) if run.code is not None]
        assert not ends, f"{job} was not ended"
        if job in self.deleted:
            del self.jobs.tasks[job]

    def _delete(self, job: str) -> None:
        delete = partial(self.client._delete_job_internal, job, force=True)
        self.insist_late(delete, {"JobNotFound", "JobBeingDeleted"})
        self.until(lambda: self._is_gone(job), f"{job} is gone")
        self.deleted.add(job)

    def _is_gone(self, job: str) -> bool:
        try:
            self.jobs.state(job)
        except ResourceNotFoundError:
            return True
        return False

    def _is_quiet(self, job: str) -> bool:
        return all(map(self.toll.is_quiet, self.jobs.tasks[job]))

    def check(self) -> None:
        """Deleted jobs are gone; of the others every task was ended or never began."""
        assert self.deleted
        assert all(map(self._is_gone, self.deleted))
        for job in self.jobs.tasks:
            for name, task in self.jobs.recorded(job).items():
                assert was_ended(task) or task.state == "active", task
                assert all(run.alone for run in self.toll.runs(name))
