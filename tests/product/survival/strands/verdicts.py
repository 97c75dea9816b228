"""Jobs that the end of a task disables or terminates, as its exit conditions say."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal

from azure.batch import models as m
from tests.product.survival.pools import POOL
from tests.product.survival.strands.jobs import OVER
from tests.product.survival.strands.proof import check_once, was_ended
from tests.product.survival.strands.strand import Strand

FATAL: Final = 9


class Verdicts(Strand):
    rest = 2.0

    def begin(self) -> None:
        self.actions: dict[str, Literal["terminate", "disable"]] = {}

    def step(self) -> None:
        """One job after the other, until the end of a task has done what it does."""
        job = f"verdicts-{len(self.actions)}"
        self.actions[job] = action = self.dice.choice(("terminate", "disable"))
        self.jobs.add(job, POOL, task_failure_mode=m.BatchTaskFailureMode.PERFORM_EXIT_OPTIONS_JOB_ACTION)
        options = m.ExitOptions(job_action=m.BatchJobActionKind(action))
        verdict = m.ExitConditions(exit_codes=[m.ExitCodeMapping(code=FATAL, exit_options=options)])
        seconds = self.dice.uniform(0.5, 3)
        fatal = self.jobs.task(f"{job}-fatal", seconds, FATAL, exit_conditions=verdict)
        others = [self.jobs.task(f"{job}-{n}", self.dice.uniform(1, 10)) for n in range(3)]
        self.jobs.add_tasks(job, [fatal, *others])
        if action == "terminate":
            self.until(lambda: self.jobs.state(job) == "completed", f"{job} is terminated")
        else:
            self._reprieve(job)

    def _reprieve(self, job: str) -> None:
        self.until(lambda: self.jobs.state(job) == "disabled", f"{job} is disabled")
        loud = [task for task in self.jobs.tasks[job] if not self.toll.is_quiet(task)]
        assert not loud, f"{job} is disabled, and {loud} run"
        enable = partial(self.client._enable_job_internal, job)
        self.insist_late(enable, {*OVER, "OperationInvalidForCurrentState"})
        self.jobs.end_with_their_tasks(job)

    def check(self) -> None:
        """It was done once: nothing disabled a job again that had been enabled."""
        for job, tasks in self.jobs.tasks.items():
            is_ended = self.actions[job] == "terminate"
            assert self.jobs.reason(job) == ("TaskFailed" if is_ended else "AllTasksComplete")
            for name, task in self.jobs.recorded(job).items():
                if is_ended and name != f"{job}-fatal" and (task.state == "active" or was_ended(task)):
                    continue
                assert not was_ended(task), task
                check_once(self.house, task, self.toll.runs(name), tasks[name])
