"""Jobs with a manager task, at whose end some of them end."""

from __future__ import annotations

from typing import Final

from azure.batch import models as m
from tests.product.survival.pools import add_pool
from tests.product.survival.strands.jobs import OVER
from tests.product.survival.strands.proof import check_once, was_ended
from tests.product.survival.strands.strand import Strand
from tests.product.survival.toll import Run

MANAGED: Final = "managed"
AT_ONCE: Final = 3


class Managers(Strand):
    rest = 2.0

    def begin(self) -> None:
        add_pool(self.client, MANAGED, 8, target_dedicated_nodes=2)
        self.kills: dict[str, bool] = {}
        """whether the job ends with its manager"""
        self.alone: set[str] = set()
        """managers that run exclusively"""

    def step(self) -> None:
        if len(self.jobs.open) < AT_ONCE:
            self._add()

    def _add(self) -> None:
        job = f"managers-{len(self.kills)}"
        manager = f"{job}-manager"
        self.kills[job], alone = self.dice.random() < 0.5, self.dice.random() < 0.5
        if alone:
            self.alone.add(manager)
        code = self.dice.choice((0, 3))
        task = self.jobs.task(manager, self.dice.uniform(2, 6), code)
        self.jobs.add(
            job,
            MANAGED,
            job_manager_task=m.BatchJobManagerTask(
                id=manager,
                command_line=task.command_line,
                kill_job_on_completion=self.kills[job],
                run_exclusive=alone,
            ),
        )
        self.jobs.tasks[job][manager] = code
        others = [self.jobs.any_task(f"{job}-{n}", 8, self.dice) for n in range(4)]
        self.jobs.add_tasks(job, others, refused=OVER)
        if not self.kills[job]:
            self.jobs.end_with_their_tasks(job)

    def check(self) -> None:
        """Every manager was run and recorded once. Its job ended with it, or else with all tasks; so nobody
        but it has ended one. Where it was to be alone, it was."""
        everything = self.toll.all_runs()
        for job, tasks in self.jobs.tasks.items():
            manager = f"{job}-manager"
            assert self.jobs.reason(job) == ("JMComplete" if self.kills[job] else "AllTasksComplete")
            for name, task in self.jobs.recorded(job).items():
                runs = everything.get(name, [])
                if self.kills[job] and name != manager and task.state == "active":
                    continue
                assert not was_ended(task) or (self.kills[job] and name != manager), task
                check_once(self.house, task, runs, tasks[name], counted=False)
        for manager in self.alone:
            crowd = [
                (name, run)
                for name, runs in everything.items()
                if name != manager
                for run in runs
                if any(_overlap(run, other) for other in everything[manager])
            ]
            assert not crowd, f"{manager} was to be alone: {everything[manager]}"


def _overlap(one: Run, other: Run) -> bool:
    """Of two on the same node, as far as both came to their own ends."""
    if one.node != other.node or one.ended is None or other.ended is None:
        return False
    return one.boot < other.ended and other.boot < one.ended
