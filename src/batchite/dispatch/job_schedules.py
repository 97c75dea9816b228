"""A turn of job schedules: each is read, decided about and changed in one transaction, with the job that it
makes. So memory knows nothing of them that the store does not, and whatever is killed when, a schedule knows
the jobs that it has made, and no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import sqlalchemy as sa

from batchite.resources.job_options import FORCE
from batchite.resources.job_schedules import TERMINATED, ScheduleRow, job
from batchite.resources.keys import account_shard
from batchite.scheduling.auto_pools import new_job, why_no_room
from batchite.scheduling.job_schedules import DUE, Decision, OpenJob, ScheduleState, as_stored, decide
from batchite.scheduling.room import Limits
from batchite.store.batch import auto_pools, jobs
from batchite.store.batch import changes as store
from batchite.store.batch import job_schedules as schedules
from batchite.store.prepared import Values
from batchite.wire.ticks import Duration

DELETED_AT_ONCE = 100
"""Jobs of a schedule; each that is gone has it looked at again, and the next one begun."""


@dataclass(slots=True)
class Turn:
    """`limits` are what nodes of the account have to keep within, `period` the time from one sample of a pool
    to the next."""

    connection: sa.Connection
    account: str
    now: int
    limits: Limits
    period: Duration
    woken: set[str] = field(default_factory=set)
    """shards that have events by it"""

    def take(self, numbers: Iterable[int]) -> set[str]:
        """Have all that these schedules are to do now done; returns the shards of pools to be told."""
        for number in numbers:
            self._take(number)
        return self.woken

    def _take(self, number: int) -> None:
        while (schedule := schedules.to_decide(self.connection, number)) is not None:
            decision = decide(self._state(schedule), self.now)
            if self._do(schedule, decision):
                self._look_again(schedule, decision.look)
                return
        self._look_again_never(number)

    def _state(self, schedule: ScheduleRow) -> ScheduleState:
        found = schedules.open_job(self.connection, schedule.schedule_no)
        has_jobs = found is not None or schedules.has_jobs(self.connection, schedule.schedule_no)
        return as_stored(schedule, None if found is None else OpenJob(*found), has_jobs=has_jobs)

    def _do(self, schedule: ScheduleRow, decision: Decision) -> bool:
        """Returns whether that is all for now."""
        if decision.run is not None:
            self._make_job(schedule, decision.run, decision.due)
            return False
        match decision.step:
            case "complete":
                schedules.complete(self.connection, schedule, self.now)
                self._let_pools_go(schedule.schedule_no)
                return False
            case "remove":
                self._let_pools_go(schedule.schedule_no)
                schedules.remove(self.connection, schedule, self.now)
                return False
            case "end the job":
                self._end_job(schedule)
            case "delete the jobs":
                self._delete_jobs(schedule)
            case "wait" if decision.due != schedule.next_run:
                schedules.set_next_run(self.connection, schedule.schedule_no, decision.due)
            case "wait":
                pass
        return True

    def _make_job(self, schedule: ScheduleRow, run: int, following: int | None) -> None:
        """Nothing is open that still uses a pool of which the schedule says something else by now."""
        number, pool_id = schedule.schedule_no, schedule.pool_id
        if pool_id is not None and not auto_pools.is_there(self.connection, number, pool_id):
            pool_id = None
        if pool_id is None:
            self._let_pools_go(number)
        new = new_job(job(schedule), self.account, self.now, uuid4(), self.period, number, pool_id)
        added = jobs.add(self.connection, new, partial(why_no_room, limits=self.limits))
        if added is None:
            raise LookupError(f"there is a job {new.row['id']!r} already, which its schedule does not know")
        schedules.made_job(self.connection, schedule, run, following, self.now)
        if new.pool is not None and new.pool.is_shared:
            schedules.set_pool(self.connection, number, new.row["pool_id"])
        self.woken.add(added.shard)

    def _end_job(self, schedule: ScheduleRow) -> None:
        found = schedules.open_job(self.connection, schedule.schedule_no)
        if found is not None:
            self._end(schedule, OpenJob(*found), "terminating", terminate_reason=TERMINATED)

    def _delete_jobs(self, schedule: ScheduleRow) -> None:
        for found in schedules.first_jobs(self.connection, schedule.schedule_no, DELETED_AT_ONCE):
            one = OpenJob(*found)
            if one.is_to_end("deleting", forced=bool(schedule.forced)):
                self._end(schedule, one, "deleting")

    def _end(self, schedule: ScheduleRow, one: OpenJob, state: str, **values: str) -> None:
        """Have the job come to its end; one that is about to does not wait for nodes any longer."""
        option = {"tasks_option": FORCE if schedule.forced else None}
        wanted = option if one.state == state else {"state": state, **values, **option}
        changed = jobs.change(
            self.connection, self.account, one.id, (one.state,), self.now, wanted, sa.true()
        )
        if changed is not None:
            self.woken.add(changed.shard)

    def _let_pools_go(self, number: int) -> None:
        self.woken.update(auto_pools.let_go_of_schedule(self.connection, number, self.now))

    def _look_again(self, schedule: ScheduleRow, at: int | None) -> None:
        if at is None:
            self._look_again_never(schedule.schedule_no)
        else:
            due: Values = {"kind": DUE, "subject": schedule.schedule_no, "shard": schedule.shard, "at": at}
            store.SET_DUE.many(self.connection, [due])

    def _look_again_never(self, number: int) -> None:
        due: Values = {"kind": DUE, "subject": number, "shard": account_shard(self.account)}
        store.CLEAR_DUE.many(self.connection, [due])
