"""What can be done with tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from batchite.batch import auto_storage, changing
from batchite.batch.acting import Acting
from batchite.batch.changing import Refusals
from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions as jobs
from batchite.resources import searches
from batchite.resources.causes import CauseRow
from batchite.resources.dependencies import words
from batchite.resources.graph import GraphTask
from batchite.resources.jobs import JobRow
from batchite.resources.jobs import counts as job_counts
from batchite.resources.ranks import of_priority
from batchite.resources.rules import of_stored_job
from batchite.resources.searches import TaskSearch, Term
from batchite.resources.states import TASK, UNFINISHED
from batchite.resources.tasks import TaskRow, definition, redefined, row
from batchite.store.batch import causes, schema, searching, tasks
from batchite.store.batch import jobs as stored_jobs
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.searching import LOOK, Found
from batchite.store.batch.searching import Summary as Summary
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.counts import BatchTaskCounts
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, BatchTaskReplaceOptions
from batchite.wire.batch.validation import job_tasks, priorities
from batchite.wire.batch.validation.tasks import RETENTION, OfJob, accept, replaced
from batchite.wire.ticks import Duration

SETTLE_SECONDS = 5.0
"""How long terminate and delete wait for the change to take effect. The intent is on disk by then and will
be seen to, whatever happens, so afterwards the answer is the same."""

REFUSALS = Refusals("TaskNotFound", "TaskExists", {"completed": "TaskCompleted"})


async def add(
    acting: Acting, job_id: str, task: BatchTaskCreateOptions, retention: Duration = RETENTION
) -> JobRow:
    """The task's job. `retention` is how long its files are kept if it does not say. Raises BatchError."""
    job = await jobs.find(acting, job_id)
    new = _Accepting(acting, job, retention).row(task)
    if not await _store(acting, job, [new]):
        raise BatchError(REFUSALS.exists)
    return job


async def add_all(
    acting: Acting, job_id: str, new: Sequence[BatchTaskCreateOptions], retention: Duration = RETENTION
) -> tuple[JobRow, list[BatchError | None]]:
    """The job of the tasks, and for each of them why it was not added, in their order: what is wrong with
    one keeps no other out. Raises BatchError if the job takes no tasks."""
    job = await jobs.find(acting, job_id)
    accepting = _Accepting(acting, job, retention)
    made: list[Mapping[str, Any] | BatchError] = []
    for place, task in enumerate(new):
        try:
            made.append(accepting.row(task, f"value[{place}]."))
        except BatchError as error:
            made.append(error)
    rows = [one for one in made if not isinstance(one, BatchError)]
    stored = set(await _store(acting, job, rows)) if rows else set()
    return job, [one if isinstance(one, BatchError) else _taken(stored, one["key"]) for one in made]


class _Accepting:
    """Into a job; see `add`."""

    def __init__(self, acting: Acting, job: JobRow, retention: Duration) -> None:
        rules = of_stored_job(job)
        self._acting = acting
        self._job_no = job.job_no
        self._own = rules.preparation, rules.release
        self._of_job = OfJob(rules.max_task_retries, rules.uses_dependencies, rules.acts_on_exits)
        self._retention = retention
        self._priority = acting.services.scheduling.task_priority

    def row(self, task: BatchTaskCreateOptions, where: str = "") -> Mapping[str, Any]:
        """Of the task as it is accepted; `where` goes before the names in errors. Raises BatchError."""
        accepted = accept(task, self._of_job, where, self._retention)
        auto_storage.check(self._acting, accepted, where)
        self._check_id(accepted.id, where)
        settings = accepted.environment_settings
        priority = priorities.accept(f"{where}environmentSettings", settings, self._priority)
        uses = self._of_job.uses_dependencies
        rank = of_priority(priority)
        return row(accepted, self._job_no, self._acting.now, uses_dependencies=uses, rank=rank)

    def _check_id(self, task_id: str, where: str) -> None:
        """Raises BatchError if the job runs something of that id itself."""
        preparation, release = self._own
        if preparation is not None:
            job_tasks.check_id(task_id, preparation.id, release.id if release is not None else "", where)


def _taken(stored: set[str], key: str) -> BatchError | None:
    """Of tasks with the same id the first is the one that was stored, and is taken out of the keys."""
    if key not in stored:
        return BatchError(REFUSALS.exists)
    stored.remove(key)
    return None


async def _store(acting: Acting, job: JobRow, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The keys of those that were not there already. Raises BatchError if the job takes no tasks any more."""

    added = await changing.change(
        acting,
        lambda connection: tasks.add(connection, job.job_no, rows),
        lambda connection: _closed(connection, acting, job),
    )
    return added.keys


def _closed(connection: sa.Connection, acting: Acting, job: JobRow) -> BatchError:
    """Why the job takes no tasks any more."""
    now = stored_jobs.find(connection, acting.account, job.id)
    return jobs.REFUSALS.of(now if now is not None and now.job_no == job.job_no else None)


async def find(acting: Acting, job_id: str, task_id: str) -> tuple[TaskRow, JobRow]:
    """The task and its job. Raises JobNotFound and TaskNotFound."""
    job = await jobs.find(acting, job_id)
    found = await acting.look(lambda connection: tasks.find(connection, job.job_no, task_id))
    if found is None:
        raise REFUSALS.of(None)
    return found, job


async def page(acting: Acting, job_id: str, wanted: Wanted) -> tuple[Part[TaskRow], JobRow]:
    """Tasks of the job, and that job. Raises JobNotFound."""
    job = await jobs.find(acting, job_id)
    return await acting.read(lambda connection: tasks.page(connection, job.job_no, wanted)), job


async def graph(acting: Acting, job_id: str, limit: int) -> tuple[Part[GraphTask], JobRow]:
    """Which tasks of the job wait for which, of the first so many, and that job. Raises JobNotFound."""
    job = await jobs.find(acting, job_id)
    return await acting.read(lambda connection: tasks.graph(connection, job.job_no, limit)), job


@dataclass(frozen=True, slots=True)
class Matches:
    """A page of tasks that were searched for, with what is counted of their job. `count` is how many there
    are in all, if the counters say."""

    job: JobRow
    found: Found
    counts: BatchTaskCounts
    causes: Sequence[CauseRow]
    count: int | None

    @property
    def looked(self) -> int:
        """How many tasks were looked at, where the page has fewer than are wanted and there may be more."""
        return LOOK if self.found.is_cut else 0


async def search(acting: Acting, job_id: str, wanted: TaskSearch, limit: int, after: int = 0) -> Matches:
    """Tasks of the job, the newest first, from below the number `after` on. Raises JobNotFound."""

    def read(connection: sa.Connection) -> Matches:
        job = stored_jobs.find(connection, acting.account, job_id)
        if job is None:
            raise jobs.REFUSALS.of(None)
        found = searching.find(connection, job.job_no, wanted, limit, after)
        counts = job_counts(stored_jobs.counts(connection, job.job_no)).task_counts
        of_causes = causes.of_job(connection, job.job_no)
        return Matches(job, found, counts, of_causes, _count(wanted, counts, of_causes))

    return await acting.read(read)


def _count(wanted: TaskSearch, counts: BatchTaskCounts, of_causes: Sequence[CauseRow]) -> int | None:
    match wanted.terms:
        case ():
            return counts.active + counts.running + counts.completed
        case (Term(by="state", is_excluded=False) as term,):
            states = searches.counted(term.texts)
            return sum(int(getattr(counts, state)) for state in states)
        case (Term(by="cause", is_excluded=False) as term,):
            return sum(row.tasks for row in of_causes if row.cause in term.texts)
        case _:
            return None


async def update(
    acting: Acting,
    job_id: str,
    task_id: str,
    options: BatchTaskReplaceOptions,
    conditions: Conditions,
    retention: Duration = RETENTION,
) -> tuple[Changed, JobRow]:
    """Give the task these constraints, and the defaults of those that are not said, from now on. Raises
    BatchError."""
    job = await jobs.find(acting, job_id)
    retries = of_stored_job(job).max_task_retries

    def make(connection: sa.Connection) -> Changed | None:
        task = _to_change(connection, job, task_id)
        if not conditions.hold(task.modified):
            return None
        changed = replaced(definition(task), options, retries, retention)
        return tasks.redefine(connection, job, task, redefined(task, changed), acting.now)

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet")), job


async def reactivate(
    acting: Acting, job_id: str, task_id: str, conditions: Conditions
) -> tuple[Changed, JobRow]:
    """Have a task run anew that is completed and has not succeeded. Raises BatchError."""
    job = await jobs.find(acting, job_id)

    def make(connection: sa.Connection) -> Changed | None:
        is_open = tasks.lock_job(connection, job.job_no) is not None
        task = _to_change(connection, job, task_id)
        if not is_open:
            raise _closed(connection, acting, job)
        if task.state != "completed":
            raise BatchError("TaskNotCompleted", "Wait until it has completed, or terminate it first.")
        if task.result == "success":
            raise BatchError("TaskSucceeded", "Add another task to run its command again.")
        if not conditions.hold(task.modified):
            return None
        depends_on = words(definition(task)) if of_stored_job(job).uses_dependencies else ()
        return tasks.reactivate(connection, job, task, depends_on, acting.now)

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet")), job


def _to_change(connection: sa.Connection, job: JobRow, task_id: str) -> TaskRow:
    """The task, which nobody else changes until the transaction ends. Raises TaskNotFound."""
    task = tasks.find(connection, job.job_no, task_id, to_change=True)
    if task is None:
        raise REFUSALS.of(None)
    return task


async def terminate(
    acting: Acting, job_id: str, task_id: str, conditions: Conditions
) -> tuple[Changed, JobRow]:
    """End the task, and wait until that has taken effect. Raises BatchError."""
    return await _change(acting, job_id, task_id, "terminate", conditions)


async def delete(acting: Acting, job_id: str, task_id: str, conditions: Conditions) -> tuple[Changed, JobRow]:
    """Remove the task with its files, and wait until that has taken effect. Raises BatchError."""
    return await _change(acting, job_id, task_id, "delete", conditions)


async def _change(
    acting: Acting, job_id: str, task_id: str, change: tasks.Change, conditions: Conditions
) -> tuple[Changed, JobRow]:
    job = await jobs.find(acting, job_id)
    condition = conditions.clause(schema.tasks.c.modified)
    permitted = UNFINISHED if change == "terminate" else TASK
    changed = await changing.change(
        acting,
        lambda connection: tasks.intend(connection, job, task_id, change, condition),
        lambda connection: REFUSALS.why_not(tasks.find(connection, job.job_no, task_id), permitted),
    )
    owner = acting.services.owner
    await owner.settled(changed.shard, changed.sequence, SETTLE_SECONDS, task=changed.number)
    return changed, job
