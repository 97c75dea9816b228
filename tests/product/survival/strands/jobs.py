"""The jobs of a strand and their tasks, as far as their additions were acknowledged."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any, Final

from azure.batch import BatchClient
from azure.batch import models as m
from azure.batch.models import _models as internal
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from tests.product.survival.insisting import code_of, insist, insist_late
from tests.product.survival.toll import Toll

OVER: Final = frozenset({"JobCompleted", "JobBeingTerminated", "JobNotActive"})
"""What is answered of a job that has ended or is about to."""


class Jobs:
    """By their ids; those of tasks are theirs alone."""

    def __init__(self, client: BatchClient, toll: Toll, stopping: threading.Event) -> None:
        self.tasks: dict[str, dict[str, int]] = {}
        """expected exit codes by job and task"""
        self._codes: dict[str, int] = {}
        self._client, self._toll, self._stopping = client, toll, stopping
        self._over: set[str] = set()

    def add(self, job: str, pool: str, **given: Any) -> None:
        options = m.BatchJobCreateOptions(id=job, pool_info=m.BatchPoolInfo(pool_id=pool), **given)
        with contextlib.suppress(ResourceExistsError):  # by the request that broke off
            insist(lambda: self._client.create_job(options), self._stopping)
        self.tasks[job] = {}

    def task(
        self, name: str, seconds: float, code: int = 0, *, checksum: str = "", **given: Any
    ) -> m.BatchTaskCreateOptions:
        self._codes[name] = code
        command = self._toll.command(name, seconds, code, checksum=checksum)
        return m.BatchTaskCreateOptions(id=name, command_line=command, **given)

    def add_tasks(
        self, job: str, tasks: Iterable[m.BatchTaskCreateOptions], *, refused: Collection[str] = ()
    ) -> None:
        """None is there if the job refuses them with one of these codes."""
        group = m.BatchTaskGroup(task_values=list(tasks))
        try:
            answer = insist(lambda: self._client.create_task_collection(job, group), self._stopping)
        except HttpResponseError as error:
            if code_of(error) not in refused:
                raise
            return
        for each in answer.result_values or ():
            code = each.error.code if each.error else None
            assert each.status == m.BatchTaskAddStatus.SUCCESS or code == "TaskExists", each
            self.tasks[job][each.task_id] = self._codes[each.task_id]

    def fill(self, job: str, most: int, seconds: float, dice: random.Random, **given: Any) -> None:
        """Add tasks of up to `seconds`, so that so many are unfinished."""
        counts = insist(lambda: self._client.get_job_task_counts(job), self._stopping).task_counts
        known = len(self.tasks[job])
        numbers = range(known, known + most - counts.active - counts.running)
        if numbers:
            self.add_tasks(job, [self.any_task(f"{job}-{n}", seconds, dice, **given) for n in numbers])

    def any_task(
        self, name: str, seconds: float, dice: random.Random, **given: Any
    ) -> m.BatchTaskCreateOptions:
        return self.task(name, dice.uniform(0.5, seconds), dice.choice((0, 0, 5)), **given)

    def end_with_their_tasks(self, job: str) -> None:
        options = m.BatchJobUpdateOptions(all_tasks_complete_mode=m.BatchAllTasksCompleteMode.TERMINATE_JOB)
        insist_late(lambda: self._client.update_job(job, options), OVER, self._stopping)

    def terminate(self, job: str, *, force: bool = False) -> None:
        """The client's own method waits in a thread until it has ended."""
        options = internal.BatchJobTerminateOptions(termination_reason="UserTerminate")
        terminate = partial(self._client._terminate_job_internal, job, options, force=force)
        insist_late(terminate, OVER, self._stopping)

    def state(self, job: str) -> str:
        state = insist(lambda: self._client.get_job(job), self._stopping).state or ""
        if state == "completed":
            self._over.add(job)
        return state

    @property
    def open(self) -> list[str]:
        """Those that have not ended."""
        return [job for job in self.tasks if job not in self._over and self.state(job) != "completed"]

    def reason(self, job: str) -> str | None:
        """Why it ended."""
        info = insist(lambda: self._client.get_job(job), self._stopping).execution_info
        return info and info.termination_reason

    def recorded(self, job: str) -> dict[str, m.BatchTask]:
        """Every task that was acknowledged is there, and no other."""
        listed = insist(lambda: list(self._client.list_tasks(job)), self._stopping)
        found = {task.id or "": task for task in listed}
        assert len(found) == len(listed), f"{job} has a task twice"
        assert found.keys() == self.tasks[job].keys(), job
        return found
