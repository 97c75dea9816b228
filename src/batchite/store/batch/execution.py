"""What an owner writes besides the changes of its commits: about nodes that it makes and starts, and the end
of a job that is deleted, which takes many commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.store.batch import feed
from batchite.store.batch.schema import jobs, nodes, task_counts, tasks

Rows = Sequence[Mapping[str, Any]]


def add_nodes(connection: sa.Connection, rows: Rows) -> list[tuple[int, str]]:
    """Columns of `nodes`; returns (number, id) of each. Their cores are taken by `usage.take`."""
    statement = sa.insert(nodes).returning(nodes.c.node_no, nodes.c.id, sort_by_parameter_order=True)
    return [(row[0], row[1]) for row in connection.execute(statement, rows)]


def record_start(connection: sa.Connection, node: int, token_hash: bytes) -> None:
    """A node is about to be started with this credential; one it had before is void."""
    connection.execute(
        sa.update(nodes).where(nodes.c.node_no == node).values(token_hash=token_hash, handle=None)
    )


def record_handle(connection: sa.Connection, node: int, handle: str) -> None:
    connection.execute(sa.update(nodes).where(nodes.c.node_no == node).values(handle=handle))


def record_errors(connection: sa.Connection, node: int, errors: bytes) -> None:
    """Why the node could not be started (JSON of the API's `errors`), until it has booted."""
    connection.execute(sa.update(nodes).where(nodes.c.node_no == node).values(errors=errors))


def lock_job(connection: sa.Connection, job: int) -> None:
    """Wait for whoever is adding tasks to the job: the next statement sees them, and nobody adds more."""
    connection.execute(sa.select(jobs.c.job_no).where(jobs.c.job_no == job).with_for_update(key_share=True))


def purge_job(connection: sa.Connection, job: int, at: int, limit: int) -> bool:
    """Remove up to `limit` tasks of a job that is being deleted; True once the job is gone too."""
    some = sa.select(tasks.c.task_no).where(tasks.c.job_no == job).limit(limit)
    if connection.execute(sa.delete(tasks).where(tasks.c.task_no.in_(some))).rowcount == limit:
        return False
    connection.execute(sa.delete(task_counts).where(task_counts.c.job_no == job))
    statement = sa.delete(jobs).where(jobs.c.job_no == job, jobs.c.state == "deleting")
    gone = connection.execute(statement.returning(jobs.c.shard, jobs.c.pool_id, jobs.c.id)).one_or_none()
    if gone is not None:
        feed.append_job(connection, gone.shard, at, gone.pool_id, gone.id, "deleted", "deleting")
    return True
