"""Terminations and deletions that are asked for while everything else happens.

What is asked for is noted before: the answer may be lost, and the change be made.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from typing import Literal

from azure.batch import BatchClient
from tests.product.survival.insisting import insist_late, send

Wish = Literal["terminate", "delete"]
WHOLE_JOBS = 0.03
"""How many of the wishes are for a job."""
LATE = frozenset({"TaskNotFound", "TaskCompleted", "JobNotFound", "JobCompleted", "JobBeingTerminated"})
"""What a wish is answered that was granted before, or comes too late."""
_API = "api-version=2025-06-01"


class Wishes:
    """By the names of tasks and jobs."""

    def __init__(self, client: BatchClient, seed: int, stopping: threading.Event) -> None:
        self.tasks: dict[str, Wish] = {}
        self.jobs: dict[str, Wish] = {}
        self._client = client
        self._random = random.Random(seed)  # noqa: S311 - no secrets
        self._stopping = stopping
        self._kept: set[str] = set()
        self._lock = threading.Lock()

    def keep(self, task: str) -> bool:
        """Whether the task is not deleted, not later on either; terminated it may be."""
        with self._lock:
            if self.tasks.get(task) == "delete":
                return False
            self._kept.add(task)
            return True

    def spare(self, task: str, job: str) -> bool:
        """Whether nothing has been wished of the task."""
        return task not in self.tasks and job not in self.jobs

    def make_one(self, job_of: Mapping[str, str], old_jobs: Sequence[str]) -> None:
        """Of one of the tasks, or of one of the jobs that get no more tasks."""
        wish: Wish = self._random.choice(("terminate", "delete"))
        jobs = [job for job in old_jobs if job not in self.jobs]
        tasks = [task for task, job in job_of.items() if self.spare(task, job)]
        if jobs and self._random.random() < WHOLE_JOBS:
            job = self._random.choice(jobs)
            self.jobs[job] = wish
            insist_late(lambda: self._change_job(job, wish), LATE, self._stopping)
        elif tasks:
            task = self._random.choice(tasks)
            with self._lock:
                if wish == "delete" and task in self._kept:
                    return
                self.tasks[task] = wish
            call = self._client.terminate_task if wish == "terminate" else self._client.delete_task
            insist_late(lambda: call(job_of[task], task), LATE, self._stopping)

    def _change_job(self, job: str, wish: Wish) -> None:
        """The client's own methods wait in a thread until it has ended."""
        if wish == "terminate":
            send(self._client, "POST", f"/jobs/{job}/terminate?{_API}", {"terminateReason": "wished"})
        else:
            send(self._client, "DELETE", f"/jobs/{job}?{_API}")
