"""Tasks that fail, what depends on them, and failed ones that are mended and reactivated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

from azure.batch import models as m
from tests.product.survival.load import completed_tasks
from tests.product.survival.pools import POOL
from tests.product.survival.strands.proof import check_never_ran, check_once, repeated, was_ended
from tests.product.survival.strands.strand import Strand

Kind = Literal["mended", "hopeless", "good enough"]

KINDS: Final[Sequence[Kind]] = ("mended", "mended", "good enough", "hopeless")
AT_ONCE: Final = 6
"""Failing tasks that are under way."""
IN_A_JOB: Final = 20
BAD, GOOD_ENOUGH = 7, 3
"""Exit codes: what depends on a task waits on, or may go on."""


class Mending(Strand):
    def begin(self) -> None:
        self.kinds: dict[str, Kind] = {}
        """of tasks that fail"""
        self.job_of: dict[str, str] = {}
        self.mended: set[str] = set()
        self._under_way: set[str] = set()

    def step(self) -> None:
        self._look()
        if len(self._under_way) < AT_ONCE:
            self._add()

    def finish(self) -> None:
        def is_done() -> bool:
            self._look()
            return not self._under_way

        self.until(is_done, f"{self._under_way} are completed, or mended")
        for job in self.jobs.tasks:
            self.until(lambda job=job: not self._waiting(job), f"what may go on in {job} is over")
            self.jobs.terminate(job)
        super().finish()

    def _add(self) -> None:
        kind = self.dice.choice(KINDS) if self.kinds else "mended"  # of which there is one, however few
        number = len(self.kinds)
        job, name = f"mending-{number // IN_A_JOB}", f"mending-task-{number}"
        if job not in self.jobs.tasks:
            self.jobs.add(job, POOL, uses_task_dependencies=True)
        code = GOOD_ENOUGH if kind == "good enough" else BAD
        seconds = self.dice.uniform(0.5, 6)
        failing = self.jobs.task(name, seconds, code, exit_conditions=conditions())
        following = self.jobs.task(after(name), 0.5, depends_on=m.BatchTaskDependencies(task_ids=[name]))
        self.jobs.add_tasks(job, [following, failing])
        self.kinds[name], self.job_of[name] = kind, job
        self._under_way.add(name)

    def _look(self) -> None:
        for job in sorted({self.job_of[task] for task in self._under_way}):
            for name, task in self._completed(job).items():
                if self.kinds[name] != "mended" or task.execution_info.result == "success":
                    self._under_way.discard(name)
                elif name not in self.mended:
                    self._mend(name)

    def _completed(self, job: str) -> dict[str, m.BatchTask]:
        found = self.insist(lambda: completed_tasks(self.client, job))
        return {task.id: task for task in found if task.id in self._under_way}

    def _mend(self, name: str) -> None:
        self.toll.mend(name)
        reactivate = partial(self.client.reactivate_task, self.job_of[name], name)
        self.insist_late(reactivate, {"TaskNotCompleted", "TaskSucceeded"})
        self.mended.add(name)

    def _waiting(self, job: str) -> bool:
        """For anything but what does not come."""
        states = {name: task.state for name, task in self.jobs.recorded(job).items()}
        return any(states[name] != "completed" for name in states if not self._is_blocked(name))

    def _is_blocked(self, name: str) -> bool:
        return name in {after(task) for task, kind in self.kinds.items() if kind == "hopeless"}

    def check(self) -> None:
        """A mended task failed once and ended well then, unless a node went. What depends on a task began
        when that had come to an end that is good enough, and never where there was none."""
        assert self.mended
        for job in self.jobs.tasks:
            recorded = self.jobs.recorded(job)
            for name in [name for name in recorded if name in self.kinds]:
                self._check(recorded[name], recorded[after(name)], self.kinds[name])

    def _check(self, failing: m.BatchTask, following: m.BatchTask, kind: Kind) -> None:
        runs, later = self.toll.runs(failing.id), self.toll.runs(following.id)
        again = [run for run in repeated(self.house, runs) if run.code is not None]
        assert not was_ended(failing), failing
        if kind == "hopeless":
            check_never_ran(following, later)
        else:
            check_once(self.house, following, later, 0)
            assert all(run.boot >= runs[-1].ended for run in later), (runs, later)
        if kind == "mended":
            check_once(self.house, failing, runs, 0, counted=False)
            assert len(again) <= 1 + failing.execution_info.requeue_count, (failing, runs)
        else:
            check_once(self.house, failing, runs, BAD if kind == "hopeless" else GOOD_ENOUGH)


def after(name: str) -> str:
    """The task that depends on it."""
    return f"{name}-after"


def conditions() -> m.ExitConditions:
    return m.ExitConditions(exit_codes=_actions({BAD: "block", GOOD_ENOUGH: "satisfy"}))


def _actions(by_code: dict[int, str]) -> Sequence[m.ExitCodeMapping]:
    return [
        m.ExitCodeMapping(code=code, exit_options=m.ExitOptions(dependency_action=action))
        for code, action in by_code.items()
    ]
