"""Says of tasks that were added what can never come of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.resources import forewarned
from batchite.resources.dependencies import Range, words
from batchite.resources.forewarned import MEANING, Code, Looks, Warned
from batchite.resources.jobs import JobRow
from batchite.resources.keys import folded
from batchite.resources.rules import of_stored_job, of_stored_pool
from batchite.store.batch import circles, owned
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

CIRCLES: Final = 4
"""Tasks added together of which each is looked at for a circle."""
SAID = (
    "job %s has tasks that %s, such as %s. They were accepted, as the cloud accepts them; batchite task "
    "explain says more"
)

log = logging.getLogger(__name__)


async def warned(acting: Acting, job: JobRow, added: Sequence[BatchTaskCreateOptions]) -> Warned:
    """Of tasks that are stored. Nothing is read for the most."""
    worth = forewarned.looks(added)
    if worth is None:
        return {}
    found: dict[Code, Sequence[str]] = {"CommandNeedsShell": worth.shell}
    uses_dependencies = of_stored_job(job).uses_dependencies
    if worth.large or (worth.dependent and uses_dependencies):
        found |= await acting.read(
            lambda connection: _looked(connection, job, worth, with_dependencies=uses_dependencies)
        )
    found = {code: ids for code, ids in found.items() if ids}
    for code, ids in found.items():
        if acting.services.told.is_news((job.job_no, code)):
            log.warning(SAID, job.id, MEANING[code], ids[0])
    return found


def _looked(
    connection: sa.Connection, job: JobRow, worth: Looks, *, with_dependencies: bool
) -> dict[Code, Sequence[str]]:
    pool = owned.pool(connection, job.shard) if worth.large else None
    slots = None if pool is None else of_stored_pool(pool).slots_per_node
    large = [] if slots is None else forewarned.too_large(worth.large, slots)
    own, circle = _circles(connection, job, worth.dependent) if with_dependencies else ([], [])
    return {"NodeTooSmall": large, "DependencyOnItself": own, "DependencyCircle": circle}


def _circles(
    connection: sa.Connection, job: JobRow, tasks: Sequence[BatchTaskCreateOptions]
) -> tuple[list[str], list[str]]:
    """Ids of those that depend on themselves, and of those that a circle leads back to. For one there has to
    be a task that waits for them already, so a task that is added after those it depends on costs one look
    together with all that were added with it."""
    own = [task.id for task in tasks if folded(task.id) in words(task)]
    others = [task for task in tasks if task.id not in own]
    suspects = set(circles.suspects(connection, job.job_no, [task.id for task in others]))
    suspects |= {task.id for task in others if _has_own_number(task)}
    found = []
    for one in [task.id for task in others if task.id in suspects][:CIRCLES]:
        circle = circles.circle(connection, job.job_no, one)
        if len(circle) == 1:
            own.append(one)
        elif circle:
            found.append(one)
    return own, found


def _has_own_number(task: BatchTaskCreateOptions) -> bool:
    ranges = task.depends_on.task_id_ranges if task.depends_on else None
    return any(Range(one.start, one.end).has(task.id) for one in ranges or ())
