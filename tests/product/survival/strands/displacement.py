"""A full pool, in which tasks of a job that permits it give way to others and run again."""

from __future__ import annotations

from typing import Final

from tests.product.survival.pools import add_pool
from tests.product.survival.strands.proof import check_once, repeated, was_ended
from tests.product.survival.strands.strand import Strand

CROWDED: Final = "crowded"
SLOTS: Final = 4
LOW, HIGH = "displacement-low", "displacement-high"


class Displacement(Strand):
    rest = 3.0

    def begin(self) -> None:
        add_pool(self.client, CROWDED, SLOTS, target_dedicated_nodes=1)
        self.jobs.add(LOW, CROWDED, priority=-5, allow_task_preemption=True)
        self.jobs.add(HIGH, CROWDED, priority=5)

    def step(self) -> None:
        self.jobs.fill(LOW, 2 * SLOTS, 10, self.dice)
        self.jobs.fill(HIGH, 2, 2, self.dice)

    def finish(self) -> None:
        for job in (LOW, HIGH):
            self.jobs.end_with_their_tasks(job)
        super().finish()

    def check(self) -> None:
        """Those of the high job were never ended. Those of the low job were, do not count that, and were done
        in the end."""
        displaced = 0
        for job, tasks in self.jobs.tasks.items():
            for name, task in self.jobs.recorded(job).items():
                runs = self.toll.runs(name)
                assert not was_ended(task), task
                check_once(self.house, task, runs, tasks[name], counted=job == HIGH)
                assert task.execution_info.requeue_count == 0, task
                displaced += job == LOW and len(repeated(self.house, runs))
        assert displaced > 0
