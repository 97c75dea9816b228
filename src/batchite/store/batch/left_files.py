"""Directories of tasks that a node has and nobody is to want any more: the task is gone, or has been given to
another node since, or waits to begin anew, or its files were to be gone by now and could not be removed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from batchite.resources.keys import folded
from batchite.resources.rules import of_stored_job
from batchite.store.batch.schema import jobs, nodes, pools, tasks
from batchite.wire.batch.directories import jobs_of

_JOBS = (
    sa.select(jobs.c.job_no, jobs.c.id, jobs.c.rules, jobs.c.definition)
    .join_from(nodes, pools, pools.c.pool_no == nodes.c.pool_no)
    .join(jobs, jobs.c.account == pools.c.account)
    .where(nodes.c.node_no == sa.bindparam("node"), jobs.c.key.in_(sa.bindparam("keys", expanding=True)))
)
_TASKS = sa.select(tasks.c.id).where(
    tasks.c.job_no == sa.bindparam("job"),
    tasks.c.key.in_(sa.bindparam("keys", expanding=True)),
    tasks.c.node_no == sa.bindparam("node"),
    sa.or_(tasks.c.state != "completed", tasks.c.files_until.is_not(None)),
)


def find(
    connection: sa.Connection, node_no: int, directories: Sequence[tuple[str, str, str]]
) -> tuple[tuple[str, str], ...]:
    """Job and task of those of these directories that are nobody's; each is given by its names below
    `workitems`. What a job itself has run is its own as long as the job is there."""
    wanted: dict[str, set[str]] = {}
    for first, name, task_id in directories:
        for job_id in jobs_of(first, name):
            wanted.setdefault(folded(job_id), set()).add(task_id)
    owned: set[tuple[str, str]] = set()
    for job in connection.execute(_JOBS, {"node": node_no, "keys": list(wanted)}).all():
        rules = of_stored_job(job)
        owned |= {(job.id, one.id) for one in (rules.preparation, rules.release) if one is not None}
        keys = [folded(task_id) for task_id in wanted[folded(job.id)]]
        found = connection.execute(_TASKS, {"job": job.job_no, "keys": keys, "node": node_no})
        owned |= {(job.id, task_id) for task_id in found.scalars()}
    return tuple(
        (jobs_of(first, name)[0], task_id)
        for first, name, task_id in directories
        if not any((job_id, task_id) in owned for job_id in jobs_of(first, name))
    )
