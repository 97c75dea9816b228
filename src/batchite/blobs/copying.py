"""Copies from other services that go on while nobody waits for them.

Each is recorded in the transaction that makes its blob, so that after a restart it begins anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa

from batchite.blobs.content.base import StorageUnavailable
from batchite.blobs.content.store import ContentStore
from batchite.blobs.content.uploads import Received
from batchite.blobs.origins import OriginFailed, Origins
from batchite.store.blobs import blobs as rows
from batchite.store.blobs import copies as copy_rows
from batchite.store.blobs import extras as extra_fields
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.containers import encode_metadata
from batchite.store.blobs.copies import Pending
from batchite.store.database import Database
from batchite.wire.blob import headers
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import SHOWN_AS, HttpProperties
from batchite.wire.ticks import Clock

MAX_COPY_BYTES = 190 * 1024**4
"""As large as a block blob can be"""
AT_ONCE = 4
"""Copies that are read at the same time; the others wait."""

log = logging.getLogger(__name__)


class Plan(msgspec.Struct, frozen=True):
    """What is to be read, and the headers to send."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """What a source's answer says of the blob to be."""

    size: int
    properties: HttpProperties
    metadata: bytes | None


def target_of(answer: Mapping[str, str]) -> Target:
    """Names as of `headers.known_name`. What no blob could have is left out."""
    fields = {field: answer[name.lower()] for field, name in SHOWN_AS if answer.get(name.lower())}
    try:
        metadata = headers.metadata(answer.items())
    except BlobError:
        metadata = {}
    length = answer.get("content-length", "0")
    return Target(int(length) if length.isdigit() else 0, HttpProperties(**fields), encode_metadata(metadata))


def without_signature(url: str) -> str:
    """To be shown to whoever may read the blob."""
    parts = urlsplit(url)
    kept = [part for part in parts.query.split("&") if part.startswith(("snapshot=", "versionid="))]
    return parts._replace(query="&".join(kept), fragment="").geturl()


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
        self._places = asyncio.Semaphore(AT_ONCE)

    async def resume(self) -> None:
        """Begin anew what an earlier process did not finish."""
        for pending in await self._database.read(copy_rows.pending):
            self.begin(pending)

    def begin(self, pending: Pending) -> None:
        """The copy has been recorded."""
        task = asyncio.get_running_loop().create_task(self._run(pending))
        self._tasks[pending.copy_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(pending.copy_id, None))

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
        async with self._origins.fetch("GET", plan.url, plan.headers) as fetched:
            if fetched.status != 200:
                raise OriginFailed(f"{fetched.status} when reading the source")
            uploads = self._content.uploads
            async with uploads.receive(fetched.chunks, MAX_COPY_BYTES, inline=True, digest=True) as received:
                await self._database.write(lambda connection: self._finish(connection, pending, received))

    def _finish(self, connection: sa.Connection, pending: Pending, received: Received) -> None:
        blob = copy_rows.end(connection, pending)
        if blob is None:
            raise _Ended
        now = self._clock.now().ticks
        properties = msgspec.structs.replace(blob.properties, content_md5=received.md5_text)
        rows.update(
            connection,
            blob,
            now,
            size=received.size,
            content_no=received.store(connection),
            properties=rows.encode_properties(properties),
            extras=_ended(blob, "success", now, received.size),
        )

    async def _fail(self, pending: Pending, reason: str) -> None:
        def unit(connection: sa.Connection) -> None:
            blob = copy_rows.end(connection, pending)
            if blob is not None:
                now = self._clock.now().ticks
                rows.update(connection, blob, now, extras=_ended(blob, "failed", now, 0, reason))

        await self._database.write(unit)


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
