"""Keeps the service busy, whatever becomes of it, and notes every completion it reports.

Jobs that get no more tasks are to end with their tasks; some of the tasks are terminated or deleted before.

A request that breaks off is made again, as programs do. Nobody here knows when something is killed.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from tests.product.survival import results
from tests.product.survival.insisting import PATIENCE, PAUSE, client_of, insist, insist_late
from tests.product.survival.pools import POOL
from tests.product.survival.results import Results
from tests.product.survival.toll import Toll
from tests.product.survival.wishes import Wishes

from batchite.testing import RunningService

DEPENDENT = 0.1
"""How many tasks wait for others."""
RECENT = 8
"""Jobs in which something may be running."""


@dataclass(frozen=True)
class Sources:
    """Where tasks with resource files get them: the same content at each address."""

    urls: tuple[str, ...]
    checksum: str


@dataclass(frozen=True)
class Completion:
    """What the service reported of a task that is over."""

    node: str
    exit_code: int | None
    result: str
    error: str
    started: Any
    ended: Any
    retries: int
    requeues: int


class Load:
    """Adds tasks so that about `target` are unfinished; a new job now and then. One thread adds, one watches,
    one terminates and deletes."""

    def __init__(
        self,
        service: RunningService,
        toll: Toll,
        sources: Sources,
        results: Results,
        seed: int,
        target: int,
    ) -> None:
        self.expected: dict[str, int] = {}
        """exit code by name, of every task whose addition was acknowledged"""
        self.job_of: dict[str, str] = {}
        self.depends_on: dict[str, tuple[str, ...]] = {}
        """by name, the tasks whose ends it waits for, good or bad"""
        self.reported: dict[str, Completion] = {}
        self.running = 0
        """at the last look"""
        self.failure: BaseException | None = None
        self._client, self._watching_client = client_of(service), client_of(service)
        self._stopping = threading.Event()
        self.wishes = Wishes(client_of(service), seed, self._stopping)
        self._toll, self._sources, self._results, self._target = toll, sources, results, target
        self.leaving: set[str] = set()
        """tasks with an output file"""
        self.left = 0
        """output files that were there as soon as their tasks were completed"""
        self._random = random.Random(seed)  # noqa: S311 - no secrets
        self.jobs: list[str] = []
        self._next_job = threading.Event()
        self._next_job.set()
        self._full = threading.Event()
        self._looked = threading.Condition()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,))
            for work in (self._feed, self._wish, self._watch)
        ]

    # for the test

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def next_job(self) -> None:
        self._next_job.set()

    def no_more(self) -> None:
        """Stop adding, terminating and deleting; the last of it is acknowledged when this returns."""
        self._full.set()
        for thread in self._threads[:2]:
            thread.join()

    def stop(self) -> None:
        self._full.set()
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Until the condition holds after a look at the service."""
        with self._looked:
            found = self._looked.wait_for(lambda: self.failure is not None or condition(), seconds)
        if self.failure is not None:
            raise self.failure
        assert found, f"not in {seconds} s: {what}; running {self.running}, reported {len(self.reported)}"

    def spared(self) -> list[str]:
        """The tasks that are left to come to their own end."""
        return [task for task, job in list(self.job_of.items()) if self.wishes.spare(task, job)]

    @property
    def open_tasks(self) -> list[str]:
        return [task for task in self.spared() if task not in self.reported]

    # threads

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            with self._looked:
                self.failure = error
                self._looked.notify_all()

    def _feed(self) -> None:
        while not self._full.is_set():
            if self._next_job.is_set():
                self._next_job.clear()
                self._add_job()
            missing = self._target - len(self.open_tasks)
            if missing > 0:
                self._add_tasks(min(missing, 100))
            self._full.wait(PAUSE)
        self._end_with_its_tasks(self.jobs[-1])

    def _wish(self) -> None:
        while not self._full.is_set():
            self.wishes.make_one(dict(self.job_of), self.jobs[:-1])
            self._full.wait(PAUSE)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for job in sorted({self.job_of[task] for task in self.open_tasks}):
                self._look_at(job)
            self._count()
            with self._looked:
                self._looked.notify_all()
            self._stopping.wait(2 * PAUSE)

    # adding

    def _add_job(self) -> None:
        if self.jobs:
            self._end_with_its_tasks(self.jobs[-1])
        job = f"job-{len(self.jobs)}"
        options = m.BatchJobCreateOptions(
            id=job,
            pool_info=m.BatchPoolInfo(pool_id=POOL),
            uses_task_dependencies=True,
            job_preparation_task=m.BatchJobPreparationTask(command_line=self._toll.around("prepare")),
            job_release_task=m.BatchJobReleaseTask(command_line=self._toll.around("release")),
        )
        with contextlib.suppress(ResourceExistsError):  # by the request that broke off
            insist(lambda: self._client.create_job(options), self._stopping)
        self.jobs.append(job)

    def _end_with_its_tasks(self, job: str) -> None:
        """As it is documented: told when it has all its tasks."""
        options = m.BatchJobUpdateOptions(all_tasks_complete_mode=m.BatchAllTasksCompleteMode.TERMINATE_JOB)
        insist_late(lambda: self._client.update_job(job, options), {"JobCompleted"}, self._stopping)

    def _add_tasks(self, count: int) -> None:
        job = self.jobs[-1]
        tasks, codes = [], {}
        for number in range(count):
            name = f"task-{len(self.expected) + number}"
            codes[name] = self._random.choice((0, 0, 0, 1, 7))
            tasks.append(self._task(name, codes[name]))
            if self._random.random() < DEPENDENT:
                tasks[-1].depends_on = self._depend(name, job)
        group = m.BatchTaskGroup(task_values=tasks)
        answer = insist(lambda: self._client.create_task_collection(job, group), self._stopping)
        for each in answer.result_values or ():
            known = each.status == m.BatchTaskAddStatus.SUCCESS or (
                each.error and each.error.code == "TaskExists"
            )
            assert known, each
        self.job_of.update(dict.fromkeys(codes, job))
        self.expected.update(codes)

    def _depend(self, name: str, job: str) -> m.BatchTaskDependencies | None:
        """On one or two of the job's last tasks, which nobody deletes from now on."""
        last = [task for task, of in list(self.job_of.items())[-20:] if of == job]
        parents = [task for task in self._random.sample(last, min(len(last), 2)) if self.wishes.keep(task)]
        if not parents:
            return None
        self.depends_on[name] = tuple(parents)
        return m.BatchTaskDependencies(task_ids=parents)

    def _task(self, name: str, code: int) -> m.BatchTaskCreateOptions:
        dice = self._random.random()
        staged = dice < 0.4
        leaves = self._random.random() < 0.2
        if leaves:
            self.leaving.add(name)
        seconds = self._random.uniform(0.5, 3) if dice > 0.8 else self._random.uniform(10, 40)
        command = self._toll.command(
            name,
            seconds,
            code,
            left_behind=0.4 < dice < 0.55,
            checksum=self._sources.checksum if staged else "",
            leaves=results.BYTES if leaves else 0,
        )
        url = self._random.choice(self._sources.urls)
        files = [m.ResourceFile(http_url=url, file_path="staged.bin")] if staged else None
        left = [self._results.output_file(name)] if leaves else None
        any_end = m.ExitConditions(default=m.ExitOptions(dependency_action=m.DependencyAction.SATISFY))
        return m.BatchTaskCreateOptions(
            id=name,
            command_line=command,
            resource_files=files,
            output_files=left,
            exit_conditions=any_end,
        )

    # watching

    def _look_at(self, job: str) -> None:
        """A job that is deleted has nothing to tell."""
        try:
            tasks = insist(lambda: completed_tasks(self._watching_client, job), self._stopping)
        except ResourceNotFoundError:
            return
        for task in tasks:
            assert task.id is not None
            completion = completion_of(task)
            if task.id in self.leaving and task.id not in self.reported and completion.exit_code is not None:
                self._check_left(task.id, completion)
            assert self.reported.setdefault(task.id, completion) == completion, "a completion changed"

    def _check_left(self, task: str, completion: Completion) -> None:
        """A task that was ended while it uploaded has an exit code, too, and need not have left anything."""
        assert completion.exit_code is not None
        if completion.error != "TaskEnded":
            self._results.check(task, completion.exit_code, self._stopping)
            self.left += 1

    def _count(self) -> None:
        jobs = [job for job in list(self.jobs) if job not in self.wishes.jobs][-RECENT:]
        self.running = sum(map(self._running, jobs))

    def _running(self, job: str) -> int:
        """Of the job's tasks; none if it has been deleted meanwhile."""
        ask = partial(self._watching_client.get_job_task_counts, job)
        try:
            return int(insist(ask, self._stopping).task_counts.running)
        except ResourceNotFoundError:
            return 0


def completed_tasks(client: BatchClient, job: str) -> list[m.BatchTask]:
    select = ["id", "executionInfo", "nodeInfo"]
    return list(client.list_tasks(job, filter="state eq 'completed'", select=select))


def completion_of(task: m.BatchTask) -> Completion:
    info, node = task.execution_info, task.node_info
    assert info is not None
    return Completion(
        node=(node and node.node_id) or "",
        exit_code=info.exit_code,
        result=str(info.result),
        error=(info.failure_info and info.failure_info.code) or "",
        started=info.start_time,
        ended=info.end_time,
        retries=info.retry_count,
        requeues=info.requeue_count,
    )
