"""What the token of a task permits: operations on the task's own job, its tasks and their files."""

from __future__ import annotations

from batchite.batch.operations import Operation
from batchite.store.batch import jobs
from batchite.store.database import Database
from batchite.web.principal import Principal
from batchite.wire.batch.errors import BatchError, quote

_OF_A_JOB = "/jobs/{jobId}"
_NEXT = "Sign with a key of the account for anything else."


async def check(principal: Principal, operation: Operation, job_id: str | None, database: Database) -> None:
    """Raises BatchError if whoever has only a task's token asks for something else. `job_id`: in the path."""
    if principal.job is None:
        return
    is_of_job = operation.path == _OF_A_JOB or operation.path.startswith(f"{_OF_A_JOB}/")
    if not is_of_job or job_id is None:
        detail = f"The token of a task is for operations on its own job, and {operation.name} is none."
        raise BatchError("InsufficientAccountPermissions", f"{detail} {_NEXT}")
    job = await database.look(lambda connection: jobs.find(connection, principal.account, job_id))
    if job is None or job.job_no != principal.job:
        detail = f"The token of a task is for its own job, as long as that is there, not for {quote(job_id)}."
        raise BatchError("InsufficientAccountPermissions", f"{detail} {_NEXT}")
