"""What an account has taken of what it may take."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.batch.acting import Acting
from batchite.store.batch import usage


@dataclass(frozen=True, slots=True)
class Used:
    """Cores of the account's nodes, with the most there may be (None: as many as are wanted)."""

    cores: int
    core_quota: int | None


async def used(acting: Acting) -> Used:
    cores, _ = await acting.read(lambda connection: usage.look(connection, acting.account))
    account = acting.services.accounts.find_batch(acting.account)
    return Used(cores, account.core_quota if account else None)
