"""Put Block, Put Block List and Get Block List."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from batchite.blobs import checksums, given, guards
from batchite.blobs.answers import XML, Answer, changed, version_headers, version_id
from batchite.blobs.blobs import body
from batchite.blobs.call import Call, Service
from batchite.store.blobs import blocks as rows
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Slot, Written
from batchite.store.blobs.blocks import Piece
from batchite.store.blobs.containers import encode_metadata
from batchite.web.problems import BodyTooLarge
from batchite.wire.blob import address, block_list, headers
from batchite.wire.blob.block_list import Block
from batchite.wire.blob.errors import BlobError, invalid_header, invalid_parameter

MAX_BLOCK_BYTES = 4000 * 1024 * 1024

_LIST_TYPES = frozenset({"committed", "uncommitted", "all"})


async def put(service: Service, call: Call) -> Answer:
    """Put Block. The ids of all staged blocks of a blob have the same length."""
    address.check_blob(call.address.blob)
    block_id = block_list.check_id(call.query.get("blockid", "").replace(" ", "+"))
    if call.headers.get("content-length") == "0":
        raise invalid_header("Content-Length", "0", "a block has at least one byte")
    given_md5 = call.headers.get("content-md5")
    stream = body(call, MAX_BLOCK_BYTES)
    now = service.clock.now().ticks
    await service.database.look(lambda connection: _check_place(connection, call, block_id, now))
    async with service.content.uploads.receive(
        stream, MAX_BLOCK_BYTES, inline=True, digest=bool(given_md5)
    ) as received:
        if received.size == 0:
            raise BlobError("InvalidBlobOrBlock", details=(("Reason", "a block has at least one byte"),))
        shown = checksums.check_part(call.headers, received)

        def unit(connection: sa.Connection) -> list[int]:
            slot = _check_place(connection, call, block_id, service.clock.now().ticks)
            content_no = received.store(connection)
            if content_no is None:
                raise LookupError("a block that is not empty has no content")
            name = call.address.blob
            return rows.stage(connection, slot.container_no, name, block_id, content_no, received.size)

        condemned = await service.database.touch(unit)
    service.content.disposal.dispose(condemned)
    return Answer(201, [*shown, *given.encrypted(call)])


def _check_place(connection: sa.Connection, call: Call, block_id: str, now: int) -> Slot:
    """Raises BlobError ContainerNotFound or InvalidBlobOrBlock."""
    slot = guards.find_slot(connection, call)
    guards.check_stage(call, slot, now)
    if slot.blob is not None:
        guards.check_type(slot.blob, "block")
    other = rows.any_staged(connection, slot.container_no, call.address.blob)
    if other is not None and len(other) != len(block_id):
        reason = f"all block ids of a blob have the same length; others have {len(other)} characters"
        raise BlobError("InvalidBlobOrBlock", details=(("Reason", reason),))
    return slot


async def put_list(service: Service, call: Call) -> Answer:
    """Put Block List: the blob consists of the listed blocks from now on, without a byte being moved."""
    address.check_blob(call.address.blob)
    properties = headers.blob_properties(call.headers, plain=False)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    extras = given.extras(call)
    wanted = await asyncio.to_thread(block_list.parse, await _document(call))

    def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
        slot = guards.find_slot(connection, call)
        now = service.clock.now().ticks
        guards.check_put(call, slot, now)
        if slot.blob is not None:
            guards.check_type(slot.blob, "block")
        pieces = _choose(connection, slot, call.address.blob, wanted)
        layout_no, size = rows.add_layout(connection, pieces) if pieces else (None, 0)
        written = Written(now, size, properties, metadata, layout_no=layout_no, extras=extras)
        condemned = kept.put(connection, slot, call.address.blob, written)
        return now, now if slot.versioning else None, condemned

    modified, version, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, *version_id(version), *given.encrypted(call))


async def _document(call: Call) -> bytes:
    """Raises BlobError RequestBodyTooLarge, or Md5Mismatch if the body came with another MD5."""
    try:
        document = await call.incoming.body(block_list.MAX_BODY_BYTES)
    except BodyTooLarge as problem:
        raise BlobError("RequestBodyTooLarge", details=(("MaxLimit", str(problem.limit)),)) from None
    if md5 := call.headers.get("content-md5"):
        checksums.compare_md5("content-md5", md5, headers.md5_of(document))
    return document


def _choose(
    connection: sa.Connection, slot: Slot, name: str, wanted: Sequence[Block]
) -> list[tuple[str, Piece]]:
    """Find every block where its entry says. Raises BlobError InvalidBlockList."""
    staged: Mapping[str, Piece] = {}
    committed: Mapping[str, Piece] = {}
    sources = {block.source for block in wanted}
    if sources & {"Latest", "Uncommitted"}:
        staged = rows.staged(connection, slot.container_no, name)
    if sources & {"Latest", "Committed"} and slot.blob is not None:
        committed = dict(rows.committed(connection, slot.blob.layout_no))
    tables = {"Latest": {**committed, **staged}, "Committed": committed, "Uncommitted": staged}
    chosen: list[tuple[str, Piece]] = []
    for block in wanted:
        piece = tables[block.source].get(block.id)
        if piece is None:
            reason = f"there is no block {block.id} ({block.source.lower()})"
            raise BlobError("InvalidBlockList", details=(("Reason", reason),))
        chosen.append((block.id, piece))
    return chosen


_NOT_FOR_ANYBODY = "public access shows committed blocks only"


async def get_list(service: Service, call: Call) -> Answer:
    kind = call.query.get("blocklisttype", "committed").lower()
    if kind not in _LIST_TYPES:
        raise invalid_parameter("blocklisttype", kind, "committed, uncommitted or all")
    if kind != "committed" and call.principal.scheme == "anonymous":
        raise BlobError("NoAuthenticationInformation", details=(("Reason", _NOT_FOR_ANYBODY),))
    now = service.clock.now().ticks
    return await service.database.read(lambda connection: _get_list(connection, call, kind, now))


def _get_list(connection: sa.Connection, call: Call, kind: str, now: int) -> Answer:
    slot = guards.find_slot(connection, call)
    of_base = call.wanted.kind == "base"
    staged = rows.staged(connection, slot.container_no, call.address.blob) if of_base else {}
    if not staged:
        guards.existing(slot)
    blob = slot.blob
    if blob is not None:
        guards.check_type(blob, "block")
        guards.check_read(call, blob, now)
    committed = rows.committed(connection, blob.layout_no if blob else None)
    document = block_list.encode(
        None if kind == "uncommitted" else _sizes(committed),
        None if kind == "committed" else _sizes(staged.items()),
    )
    shown = [*XML, ("x-ms-blob-content-length", str(blob.size if blob else 0))]
    return Answer(200, [*shown, *(version_headers(blob.modified) if blob else [])], document)


def _sizes(blocks: Iterable[tuple[str, Piece]]) -> list[tuple[str, int]]:
    return [(block_id, piece.length) for block_id, piece in blocks]
