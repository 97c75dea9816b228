"""Copies from other services that go on while nobody waits for them.

Each is recorded in the transaction that makes its blob, so that after a restart it begins anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Literal

import msgspec
import sqlalchemy as sa

from batchite.blobs import remote
from batchite.blobs.content.base import StorageUnavailable
from batchite.blobs.content.store import ContentStore
from batchite.blobs.content.uploads import Received
from batchite.blobs.origins import OriginFailed, Origins
from batchite.blobs.remote import Plan
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import copies as copy_rows
from batchite.store.blobs import extras as extra_fields
from batchite.store.blobs import layouts
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.blocks import Range
from batchite.store.blobs.copies import Pending
from batchite.store.database import Database
from batchite.wire.blob import headers
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.ranges import Span
from batchite.wire.ticks import Clock

MAX_COPY_BYTES = 190 * 1024**4
"""As large as a block blob can be"""
AT_ONCE = 4
"""Copies that are read at the same time; the others wait."""

log = logging.getLogger(__name__)


class _Ended(Exception):  # noqa: N818 - a state of the store, not a mistake
    """The copy was aborted, or its blob is gone; what was read is not wanted."""


class Copying:
    """Call `resume` before serving and `stop` after."""

    def __init__(self, database: Database, content: ContentStore, clock: Clock, origins: Origins) -> None:
        self._database = database
        self._content = content
        self._clock = clock
        self._origins = origins
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reached: dict[str, int] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def resume(self) -> None:
        """Begin anew what an earlier process did not finish."""
        for pending in await self._database.read(copy_rows.pending):
            self.begin(pending)

    def begin(self, pending: Pending) -> None:
        """The copy has been recorded."""
        task = asyncio.get_running_loop().create_task(self._run(pending))
        self._tasks[pending.copy_id] = task
        task.add_done_callback(lambda _: self._forget(pending.copy_id))

    def _forget(self, copy_id: str) -> None:
        self._tasks.pop(copy_id, None)
        self._reached.pop(copy_id, None)

    def reached(self, copy_id: str) -> int:
        """How far the copy has come, in bytes of the source."""
        return self._reached.get(copy_id, 0)

    def with_progress(self, blob: Blob) -> Blob:
        """The blob, and how far the copy to it has come, if one is under way: that is not written down."""
        if blob.stored_extras is None or not self._reached:
            return blob
        extras = blob.extras
        if extras.copy is None or not extras.is_copying:
            return blob
        copy = msgspec.structs.replace(extras.copy, done=self.reached(extras.copy.id))
        return blob._replace(stored_extras=extra_fields.encode(msgspec.structs.replace(extras, copy=copy)))

    def cancel(self, copy_id: str) -> None:
        """The copy is not recorded any more."""
        if task := self._tasks.get(copy_id):
            task.cancel()

    async def settle(self) -> None:
        """Wait until all that are under way have ended."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Leave what is under way to the next start."""
        for task in self._tasks.values():
            task.cancel()
        await self.settle()

    async def _run(self, pending: Pending) -> None:
        try:
            async with self._places:
                await self._copy(pending)
        except _Ended:
            pass
        except (BlobError, OriginFailed, StorageUnavailable, OSError) as error:
            await self._fail(pending, _explain(error))
        except Exception:
            log.exception("a copy failed")
            await self._fail(pending, "500 internal error")

    async def _copy(self, pending: Pending) -> None:
        plan = msgspec.json.decode(pending.source, type=Plan)
        spans = await remote.stretches(self._origins, plan)

        def reached(position: int) -> None:
            self._reached[pending.copy_id] = position

        digest = plan.type == "block"
        async with (
            aclosing(remote.read(self._origins, plan, spans, reached)) as chunks,
            self._content.uploads.receive(chunks, MAX_COPY_BYTES, inline=True, digest=digest) as received,
        ):
            await self._database.write(
                lambda connection: self._finish(connection, pending, plan, spans, received)
            )

    def _finish(
        self,
        connection: sa.Connection,
        pending: Pending,
        plan: Plan,
        spans: Sequence[Span] | None,
        received: Received,
    ) -> None:
        blob = copy_rows.end(connection, pending)
        if blob is None:
            raise _Ended
        now = self._clock.now().ticks
        size = plan.size if plan.type == "page" else received.size
        columns = _stored(connection, blob, received, plan, spans)
        rows.update(connection, blob, now, size=size, extras=_ended(blob, "success", now, size), **columns)

    async def _fail(self, pending: Pending, reason: str) -> None:
        def unit(connection: sa.Connection) -> None:
            blob = copy_rows.end(connection, pending)
            if blob is not None:
                now = self._clock.now().ticks
                fields = _ended(blob, "failed", now, self.reached(pending.copy_id), reason)
                rows.update(connection, blob, now, extras=fields)

        await self._database.write(unit)


def _stored(
    connection: sa.Connection, blob: Blob, received: Received, plan: Plan, spans: Sequence[Span] | None
) -> dict[str, object]:
    """The columns that say what the blob is made of."""
    content_no = received.store(connection)
    if plan.type == "block":
        properties = msgspec.structs.replace(blob.properties, content_md5=received.md5_text)
        return {"content_no": content_no, "properties": rows.encode_properties(properties)}
    if content_no is None:
        return {}
    held: list[Range] = []
    offset = 0
    for span in spans if spans is not None else [Span(0, received.size)]:
        held.append(Range(span.start, span.length, content_no, offset))
        offset += span.length
    return {"layout_no": layouts.create(connection, held)}


def _explain(error: Exception) -> str:
    text = f"{error.status} {error.message}" if isinstance(error, BlobError) else str(error)
    return headers.printable(text)[:256]


def _ended(
    blob: Blob, status: Literal["success", "failed"], now: int, size: int, description: str = ""
) -> bytes | None:
    copy = blob.extras.copy
    if copy is None:
        raise LookupError("a blob that is being copied to has no record of it")
    total = size if status == "success" else copy.total
    ended = msgspec.structs.replace(
        copy, status=status, done=size, total=total, completed=now, description=description
    )
    return extra_fields.encode(msgspec.structs.replace(blob.extras, copy=ended))
