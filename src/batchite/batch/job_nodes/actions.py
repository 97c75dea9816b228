"""What can be asked of the nodes where a job was prepared and released."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.batch.jobs import actions as jobs
from batchite.resources.job_nodes import JobNodeRow
from batchite.resources.jobs import JobRow
from batchite.resources.rules import JobRules, of_stored_job
from batchite.store.batch import job_nodes
from batchite.store.batch import jobs as stored_jobs
from batchite.store.batch.pages import Part, Wanted
from batchite.wire.batch import directories
from batchite.wire.batch.errors import BatchError

_NO_PREPARATION = (
    "Its nodes have nothing to tell of: add jobs with a jobPreparationTask to have them prepared."
)
_WHERE = "Ask for the job's preparation and release task status: it says on which nodes they have."
_NO_RELEASE = "Leave jobReleaseTaskExecutionInfo out of the filter."


async def find(acting: Acting, job_id: str, *, with_release: bool = False) -> tuple[JobRow, JobRules]:
    """A job that has a preparation task, and with `with_release` a release task. Raises BatchError."""
    job = await jobs.find(acting, job_id)
    rules = of_stored_job(job)
    if rules.preparation is None:
        raise BatchError("JobPreparationTaskNotSpecified", _NO_PREPARATION)
    if with_release and rules.release is None:
        raise BatchError("JobReleaseTaskNotSpecified", _NO_RELEASE)
    return job, rules


async def why_none(acting: Acting, node_id: str, path: str) -> BatchError | None:
    """What to say where a node has no file at this path: that the job's preparation or release, whose
    directory it would be in, has not run there. None if that is not so."""
    found = directories.of_path(path.replace("\\", "/"))
    if found is None:
        return None
    jobs_there, task_id = found

    def query(connection: sa.Connection) -> BatchError | None:
        known = (stored_jobs.find(connection, acting.account, one) for one in jobs_there)
        job = next(filter(None, known), None)
        rules = JobRules() if job is None else of_stored_job(job)
        if job is None or rules.preparation is None:
            return None
        row = job_nodes.find(connection, job.job_no, node_id)
        has_prepared = row is not None and row.preparation_start is not None
        if task_id == rules.preparation.id and not has_prepared:
            return BatchError("JobPreparationTaskNotRunOnNode", _WHERE)
        has_released = row is not None and row.release_start is not None
        if rules.release is not None and task_id == rules.release.id and not has_released:
            return BatchError("JobReleaseTaskNotRunOnNode", _WHERE)
        return None

    return await acting.read(query)


async def page(acting: Acting, job: JobRow, wanted: Wanted) -> Part[JobNodeRow]:
    """Nodes on which the job's preparation or release has run, those that are gone, too."""
    return await acting.read(lambda connection: job_nodes.page(connection, job.job_no, wanted))
