"""What an account has taken of what it may take."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.store.batch import usage
from batchite.wire.batch.errors import BatchError


@dataclass(frozen=True, slots=True)
class Used:
    """Cores of the account's nodes, with the most there may be (None: as many as are wanted)."""

    cores: int
    core_quota: int | None


async def used(acting: Acting) -> Used:
    cores, _ = await acting.read(lambda connection: usage.look(connection, acting.account))
    account = acting.services.accounts.find_batch(acting.account)
    return Used(cores, account.core_quota if account else None)


def check_jobs(acting: Acting, connection: sa.Connection) -> None:
    """That the account may have the job or the job schedule that has just been added in this transaction.
    Raises BatchError."""
    account = acting.services.accounts.find_batch(acting.account)
    quota = None if account is None else account.job_quota
    if quota is not None and usage.active(connection, acting.account) > quota:
        detail = (
            f"{quota} of them, jobs and job schedules together, may be there that are not completed. "
            "Terminate or delete some, or have the account's job_quota raised."
        )
        raise BatchError("ActiveJobAndScheduleQuotaReached", detail, (("MaxLimit", str(quota)),))
