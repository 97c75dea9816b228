"""The owner of one shard: has what happened read and decided about, commits, then has it acted upon.

One turn at a time: while a commit is on its way to the disk the next inputs collect, and the next
turn takes them all. If a commit fails, memory is thrown away and read again, and nothing that was
decided has been sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import sqlalchemy as sa

from batchite.dispatch.inbox import Inbox
from batchite.dispatch.reactors.base import Reactor
from batchite.dispatch.settling import Settling
from batchite.store.batch import events, shards
from batchite.store.batch.shards import LeaseLostError, OwnedShard
from batchite.store.database import Database
from batchite.store.groups import Unit

RETRY_SECONDS = 0.5
"""Pause before a shard is loaded again after a commit failed."""
GATHER_SECONDS = 0.002
"""Short beside the work that nodes have ahead; turns cost much the same however much they carry."""

R = TypeVar("R")
T = TypeVar("T")

log = logging.getLogger(__name__)


class Runner(Generic[R]):
    """Runs until it is stopped, or has lost its lease, which `lost` is told.

    `holds` is asked at every turn whether the lease lasts.
    """

    def __init__(
        self,
        lease: OwnedShard,
        database: Database,
        inbox: Inbox,
        reactor: Reactor[R],
        holds: Callable[[], bool],
        lost: Callable[[Runner[Any]], None],
    ) -> None:
        self.lease = lease
        self.inbox = inbox
        self.reactor = reactor
        self.is_closing = False
        """about to be given up; what is asked of it meanwhile it may not hear"""
        self._database = database
        self._holds = holds
        self._lost = lost
        self._resting = False
        """waiting for something to happen"""
        self._loaded = asyncio.Event()
        self._settling = Settling(self._is_pending)
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.lease.shard

    # -- called from outside, on the event loop

    async def settled(self, sequence: int) -> bool:
        """Wait until the event and what followed from it are on disk; False if this owner decides nothing any
        more."""
        return await self._settling.wait(sequence)

    async def store(self, unit: Unit[T]) -> T:
        """Write as the owner. Raises LeaseLostError."""

        def fenced(connection: sa.Connection) -> T:
            shards.hold(connection, self.lease)
            return unit(connection)

        return await self._database.write(fenced)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"shard {self.name}")

    async def loaded(self) -> None:
        """Wait until the shard knows its nodes: their agents can be told from strangers."""
        await self._loaded.wait()

    def give_up(self) -> None:
        """Decide nothing any more: the shard is another's. Whoever waits has to ask the store."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._loaded.set()
        self._settling.end()

    async def stop(self) -> None:
        """Decide nothing any more."""
        await self._halt()
        self._settling.end()

    async def _halt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def rests(self) -> bool:
        """All that it was told is decided and stored, and what follows has begun."""
        return self._resting and not self.inbox.is_filled

    @property
    def is_idle(self) -> bool:
        """There is nothing to do and nothing to be expected but events and due rows."""
        return self.rests and not self._settling.is_awaited and self.reactor.is_idle

    async def retire(self) -> bool:
        """Give an idle shard up. If there are events by now, or that fails, it goes on instead: False."""
        self.is_closing = True
        await self._halt()
        try:
            released = await self._database.write(lambda c: shards.release(c, self.lease))
        except LeaseLostError:
            return True
        except Exception:
            log.exception("shard %s could not be given up", self.name)
            released = False
        if not released:
            self.is_closing = False
            self.start()
        return released

    # -- the loop

    async def _run(self) -> None:
        while True:
            try:
                self._resting = False
                await self._load()
                while True:
                    self._resting = True
                    await self.inbox.wait()
                    self._resting = False
                    if self.reactor.is_flooded:
                        await asyncio.sleep(GATHER_SECONDS)
                    await self._turn()
            except LeaseLostError:
                self._lost(self)
                return
            except Exception:
                log.exception("shard %s failed; its memory is read again", self.name)
                await self.reactor.recover()
                self.inbox.drop(self.reactor.comes_again)
                await asyncio.sleep(RETRY_SECONDS)

    async def _load(self) -> None:
        await self.reactor.load()
        self._loaded.set()
        await self._carry_out(())
        await self.reactor.begin()
        self.inbox.look()

    async def _turn(self) -> None:
        """One batch: everything that has come in."""
        if not self._holds():
            raise LeaseLostError(self.name)
        items, look = self.inbox.take()
        consumed = await self._hear() if look else ()
        self.reactor.apply(items)
        await self._carry_out(consumed)

    async def _hear(self) -> Sequence[int]:
        """What API operations changed; the numbers of the events."""
        heard = await self.reactor.hear()
        if not heard.is_all:
            self.inbox.look()
        for event, until in heard.unended.items():
            self._settling.put_off(event, until)
        return heard.events

    async def _carry_out(self, consumed: Sequence[int]) -> None:
        """Conclude, commit, act; again as long as that brings something new to decide."""
        while True:
            stored = await self._commit(await self.reactor.conclude(), consumed)
            self._settling.advance(consumed, self.reactor.unended)
            if not await self.reactor.follow(stored):
                return
            consumed = ()

    async def _commit(self, unit: Unit[R] | None, consumed: Sequence[int]) -> R | None:
        if unit is None and not consumed:
            return None

        def with_events(connection: sa.Connection) -> R | None:
            events.consume(connection, consumed)
            return None if unit is None else unit(connection)

        return await self.store(with_events)

    async def _is_pending(self, sequence: int) -> bool:
        return await self._database.look(lambda connection: events.is_pending(connection, sequence))


AnyRunner: TypeAlias = Runner[Any]
