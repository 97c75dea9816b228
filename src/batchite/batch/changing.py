"""Changes of resources: made if they may be, told to the owner of their shard, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.store.batch.recording import Changed
from batchite.wire.batch.errors import BatchError, taken_property


class Change(Protocol):
    """What is stored, with an event for the owner of the shard."""

    @property
    def shard(self) -> str: ...


C = TypeVar("C", bound=Change)
R = TypeVar("R", covariant=True)


async def change(
    acting: Acting,
    make: Callable[[sa.Connection], C | None],
    refusal: Callable[[sa.Connection], BatchError],
) -> C:
    """What `make` stores, once it is on disk and the owner has been woken. If `make` stores nothing, raises
    what `refusal` finds in the same transaction.
    """

    def unit(connection: sa.Connection) -> C:
        made = make(connection)
        if made is None:
            raise refusal(connection)
        return made

    made = await acting.services.database.write(unit)
    acting.services.owner.wake(made.shard)
    return made


class Stateful(Protocol):
    @property
    def state(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Refusals:
    """Codes of the errors with which a kind of resource refuses to be changed, by its state."""

    missing: str
    exists: str
    """where another has the id already"""
    by_state: Mapping[str, str]

    def of(self, found: Stateful | None) -> BatchError:
        """Why what was found, or was not, does not do in its state."""
        return BatchError(self.missing if found is None else self.by_state[found.state])

    def why_not(self, found: Stateful | None, permitted: Collection[str]) -> BatchError:
        """Why a change was not made that is possible in the states `permitted`, if its conditions hold."""
        if found is not None and found.state in permitted:
            return BatchError("ConditionNotMet")
        return self.of(found)

    def taken(self, found: Stateful | None) -> BatchError:
        """Why none can be added under an id that was taken when it was tried."""
        is_leaving = found is not None and found.state == "deleting"
        return self.of(found) if is_leaving else BatchError(self.exists)


def same_id(code: str, id: str) -> BatchError:
    """Why a job or a job schedule cannot have the id of one of the other kind."""
    return taken_property(
        code, "id", id, "is taken, as ids of jobs and of job schedules come out of one hat; choose another"
    )


class Stored(Protocol[R]):
    """Where a kind of resource of an account is stored."""

    def find(self, connection: sa.Connection, account: str, name: str, /) -> R | None: ...

    def change(
        self,
        connection: sa.Connection,
        account: str,
        name: str,
        permitted: Collection[str],
        now: int,
        values: Mapping[str, Any],
        condition: sa.ColumnElement[bool],
        /,
    ) -> Changed | None: ...


async def find(acting: Acting, stored: Stored[R], refusals: Refusals, name: str) -> R:
    """Raises BatchError if the account has none of this id."""
    found = await acting.look(lambda connection: stored.find(connection, acting.account, name))
    if found is None:
        raise refusals.of(None)
    return found


async def alter(
    acting: Acting,
    stored: Stored[Stateful],
    refusals: Refusals,
    name: str,
    permitted: Collection[str],
    values: Mapping[str, Any],
    condition: sa.ColumnElement[bool],
) -> Changed:
    """Give one these values of columns, if it is in one of the states `permitted` and `condition` holds.
    Raises BatchError."""
    account, now = acting.account, acting.now
    return await change(
        acting,
        lambda connection: stored.change(connection, account, name, permitted, now, values, condition),
        lambda connection: refusals.why_not(stored.find(connection, account, name), permitted),
    )
