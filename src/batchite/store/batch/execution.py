"""What an owner writes besides the changes of its commits: about nodes that it makes and starts, and the end
of a job that is deleted, which takes many commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.resources.feed import JobChanged, Telling
from batchite.resources.keys import account_shard
from batchite.store.batch import auto_pools, dependencies, feed, job_nodes, job_schedules, job_usage
from batchite.store.batch.schema import failure_causes, jobs, nodes, task_counts, tasks
from batchite.store.prepared import Prepared

_TOKEN_HASH = sa.select(nodes.c.token_hash).where(nodes.c.id == sa.bindparam("name"))

_OF_GONE_JOB = tuple(jobs.c[name] for name in ("shard", "pool_id", "id", "account", "created", "schedule_no"))
Rows = Sequence[Mapping[str, Any]]

_of_node = sa.update(nodes).where(nodes.c.node_no == sa.bindparam("node"))
_RECORD_START = _of_node.values(
    engine=sa.bindparam("engine"), token_hash=sa.bindparam("token_hash"), handle=None
)
_RECORD_HANDLE = _of_node.values(handle=sa.bindparam("handle"))
_RECORD_ERRORS = _of_node.values(errors=sa.bindparam("errors"))

_LOCK_JOB = Prepared(
    sa.select(jobs.c.job_no).where(jobs.c.job_no == sa.bindparam("job")).with_for_update(key_share=True)
)


def add_nodes(connection: sa.Connection, rows: Rows) -> list[tuple[int, str]]:
    """Columns of `nodes`; returns (number, id) of each. Their cores are taken by `usage.take`."""
    statement = sa.insert(nodes).returning(nodes.c.node_no, nodes.c.id, sort_by_parameter_order=True)
    return [(row[0], row[1]) for row in connection.execute(statement, rows)]


def record_starts(connection: sa.Connection, engine: str, begun: Sequence[tuple[int, bytes]]) -> None:
    """Nodes, by number, are about to be started by this engine, each with the credential of this hash; one it
    had before is void."""
    rows = [{"node": node, "engine": engine, "token_hash": token_hash} for node, token_hash in begun]
    connection.execute(_RECORD_START, rows)


def token_hash(connection: sa.Connection, node_id: str) -> bytes | None:
    """Of the node's present credential, if there is such a node and it has one."""
    found: bytes | None = connection.execute(_TOKEN_HASH, {"name": node_id}).scalar_one_or_none()
    return found


def record_handles(connection: sa.Connection, handles: Sequence[tuple[int, str]]) -> None:
    connection.execute(_RECORD_HANDLE, [{"node": node, "handle": handle} for node, handle in handles])


def record_errors(connection: sa.Connection, errors: Sequence[tuple[int, bytes]]) -> None:
    """Why nodes could not be started (JSON of the API's `errors`), until they have booted."""
    connection.execute(_RECORD_ERRORS, [{"node": node, "errors": found} for node, found in errors])


def lock_job(connection: sa.Connection, job: int) -> None:
    """Wait for whoever is adding tasks to the job: the next statement sees them, and nobody adds more."""
    _LOCK_JOB.one_or_none(connection, {"job": job})


def purge_job(connection: sa.Connection, job: int, at: int, limit: int) -> bool:
    """Remove up to `limit` tasks of a job that is being deleted; True once the job is gone too."""
    some = sa.select(tasks.c.task_no).where(tasks.c.job_no == job).limit(limit)
    removed = connection.execute(sa.delete(tasks).where(tasks.c.task_no.in_(some))).rowcount
    if removed == limit or not dependencies.purge(connection, job, limit - removed):
        return False
    statement = sa.delete(jobs).where(jobs.c.job_no == job, jobs.c.state == "deleting")
    gone = connection.execute(statement.returning(*_OF_GONE_JOB)).one_or_none()
    if gone is not None:
        job_usage.leave(connection, gone.account, job, gone.created, gone.schedule_no)
    for table in (task_counts, failure_causes):
        connection.execute(sa.delete(table).where(table.c.job_no == job))
    job_nodes.purge(connection, job)
    if gone is not None:
        telling = Telling()
        telling.add(JobChanged(telling.name(gone.pool_id), gone.id, at, "deleted", "deleting"))
        auto_pools.let_go(connection, gone.shard, job, at, telling)
        job_schedules.tell_of_job(connection, account_shard(gone.account), gone.schedule_no)
        feed.append(connection, gone.shard, at, telling)
    return True
