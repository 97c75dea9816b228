"""Jobs that are disabled at work, go to another pool, and so to another owner, and are enabled again."""

from __future__ import annotations

from functools import partial
from typing import Final

from azure.batch import models as m
from tests.product.survival.pools import POOL, add_pool
from tests.product.survival.strands.jobs import OVER
from tests.product.survival.strands.proof import check_once, was_ended
from tests.product.survival.strands.strand import Strand

ELSEWHERE: Final = "elsewhere"
AT_ONCE: Final = 2
"""Jobs that are open."""
MOST_MOVES: Final = 4
"""Of a job, which would not come to an end otherwise."""
OPTIONS: Final = ("requeue", "requeue", "wait", "terminate")


class Moves(Strand):
    def begin(self) -> None:
        add_pool(self.client, ELSEWHERE, 32, target_dedicated_nodes=2)
        self.moves: dict[str, int] = {}
        self.made = 0
        """tasks"""
        self.ended: set[str] = set()
        """jobs whose tasks were ended by a `terminate`"""

    def step(self) -> None:
        there = self.jobs.open
        if len(there) < AT_ONCE:
            self._add()
        movable = [job for job in there if self.moves[job] < MOST_MOVES]
        if movable:
            self._move(self.dice.choice(movable))

    def _add(self) -> None:
        job = f"moves-{len(self.moves)}"
        self.jobs.add(job, self.dice.choice((POOL, ELSEWHERE)))
        self.moves[job] = 0
        self.jobs.add_tasks(job, [self._task(job) for _ in range(6)])
        self.jobs.end_with_their_tasks(job)

    def _task(self, job: str) -> m.BatchTaskCreateOptions:
        self.made += 1
        return self.jobs.any_task(f"{job}-{self.made}", 12, self.dice)

    def _move(self, job: str) -> None:
        option = self.dice.choice(OPTIONS)
        if option == "terminate":
            self.ended.add(job)
        self.moves[job] += 1
        wanted = m.BatchJobDisableOptions(disable_tasks=option)
        self.insist_late(partial(self.client._disable_job_internal, job, wanted), OVER)
        self.until(lambda: self.jobs.state(job) != "disabling", f"{job} is disabled ({option})")
        if self.jobs.state(job) != "disabled":
            return  # all of its tasks had ended before
        loud = [task for task in self.jobs.tasks[job] if not self.toll.is_quiet(task)]
        assert not loud, f"{job} is disabled, and {loud} run"
        to = POOL if self._pool(job) == ELSEWHERE else ELSEWHERE
        other = m.BatchJobUpdateOptions(pool_info=m.BatchPoolInfo(pool_id=to))
        self.insist(lambda: self.client.update_job(job, other))
        self.jobs.add_tasks(job, [self._task(job)])
        enable = partial(self.client._enable_job_internal, job)
        self.insist_late(enable, {*OVER, "OperationInvalidForCurrentState"})
        self.until(lambda: self.jobs.state(job) not in ("disabled", "enabling"), f"{job} is enabled")
        assert self._pool(job) == to

    def _pool(self, job: str) -> str | None:
        return self.insist(lambda: self.client.get_job(job)).pool_info.pool_id

    def check(self) -> None:
        """Every job ended with its tasks, and each of these was done once, in one of the pools."""
        assert sum(self.moves.values()) > 0
        for job, tasks in self.jobs.tasks.items():
            assert self.jobs.reason(job) == "AllTasksComplete"
            for name, task in self.jobs.recorded(job).items():
                assert job in self.ended or not was_ended(task), task
                check_once(self.house, task, self.toll.runs(name), tasks[name])
