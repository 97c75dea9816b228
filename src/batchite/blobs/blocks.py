"""Put Block, Put Block List and Get Block List."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from batchite.blobs import bodies, given, guards, parts
from batchite.blobs.answers import XML, Answer, changed, version_headers, version_id
from batchite.blobs.call import Call, Service
from batchite.blobs.parts import Supply
from batchite.store.blobs import blocks as rows
from batchite.store.blobs import kept
from batchite.store.blobs.blobs import Slot, Written
from batchite.store.blobs.blocks import Block
from batchite.store.blobs.containers import encode_metadata
from batchite.wire.blob import address, block_list, checksums, encryption, headers
from batchite.wire.blob.errors import BlobError, invalid_parameter

MAX_BLOCK_BYTES = 4000 * 1024 * 1024
MAX_STAGED = 100_000
MAX_RANGES = 200_000
"""Of a list of blocks. One that came from a URL may consist of several ranges; such a list of them all
would be endless."""

_LIST_TYPES = frozenset({"committed", "uncommitted", "all"})


async def put(service: Service, call: Call) -> Answer:
    """Put Block, and Put Block From URL. The ids of all staged blocks of a blob have the same length."""
    address.check_blob(call.address.blob)
    block_id = block_list.check_id(call.query.get("blockid", "").replace(" ", "+"))
    key = encryption.key_hash(call.headers)

    def early(connection: sa.Connection) -> Slot:
        return _check_place(connection, call, block_id, service.clock.now().ticks)

    def unit(connection: sa.Connection, supply: Supply) -> tuple[Answer, list[int]]:
        now = service.clock.now().ticks
        slot = _check_place(connection, call, block_id, now)
        part = supply(connection)
        block = Block(block_id, tuple(part.pieces))
        condemned = rows.stage(connection, slot, call.address.blob, block, now, key)
        return Answer(201, [*part.shown, *given.encrypted(call)]), condemned

    return await parts.take(service, call, MAX_BLOCK_BYTES, early, unit)


def _check_place(connection: sa.Connection, call: Call, block_id: str, now: int) -> Slot:
    """Raises BlobError ContainerNotFound, InvalidBlobOrBlock or BlockCountExceedsLimit."""
    slot = guards.find_slot(connection, call)
    guards.check_stage(call, slot, now)
    if slot.blob is not None:
        guards.check_type(slot.blob, "block")
    staged = rows.count(connection, slot)
    if staged is None:
        return slot
    if staged.id_length != (length := block_list.id_length(block_id)):
        reason = f"all ids of a blob have one length: this has {length} bytes, others {staged.id_length}"
        raise BlobError("InvalidBlobOrBlock", details=(("Reason", reason),))
    if staged.blocks >= MAX_STAGED and not rows.has(connection, slot, block_id):
        raise BlobError(
            "BlockCountExceedsLimit",
            "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks.",
        )
    return slot


async def put_list(service: Service, call: Call) -> Answer:
    """Put Block List: the blob consists of the listed blocks from now on, without a byte being moved."""
    address.check_blob(call.address.blob)
    properties = headers.blob_properties(call.headers)
    metadata = encode_metadata(headers.metadata(call.metadata_headers))
    extras = given.extras(call)
    document = await bodies.document(call, block_list.MAX_BODY_BYTES)
    shown = checksums.check_document(call.headers, document)
    wanted = await asyncio.to_thread(block_list.parse, document)

    def unit(connection: sa.Connection) -> tuple[int, int | None, list[int]]:
        slot = guards.find_slot(connection, call)
        now = service.clock.now().ticks
        guards.check_put(call, slot, now)
        if slot.blob is not None:
            guards.check_type(slot.blob, "block")
        chosen = _choose(connection, slot, wanted, extras.key)
        layout_no, size = rows.add_layout(connection, chosen) if chosen else (None, 0)
        written = Written(now, size, properties, metadata, layout_no=layout_no, extras=extras)
        condemned = kept.put(connection, slot, call.address.blob, written)
        return now, now if slot.versioning else None, condemned

    modified, version, condemned = await service.database.write(unit)
    service.content.disposal.dispose(condemned)
    return changed(201, modified, *shown, *version_id(version), *given.encrypted(call))


def _choose(
    connection: sa.Connection, slot: Slot, wanted: Sequence[block_list.Block], key: str
) -> list[Block]:
    """Find every block where its entry says. Raises BlobError InvalidBlockList, or 409 if one came with
    another key of the client."""
    staged = _by_id(rows.staged(connection, slot))
    committed: Mapping[str, Block] = {}
    if slot.blob is not None and any(_is_old(entry, staged) for entry in wanted):
        encryption.check(slot.blob.extras.key, key)
        committed = _by_id(rows.committed(connection, slot.blob.layout_no))
    other_keys = rows.staged_otherwise(connection, slot, key)
    tables = {"Latest": {**committed, **staged}, "Committed": committed, "Uncommitted": staged}
    chosen: list[Block] = []
    for entry in wanted:
        block = tables[entry.source].get(entry.id)
        if block is None:
            raise _invalid(f"there is no block {entry.id} ({entry.source.lower()})")
        if entry.source != "Committed" and entry.id in other_keys:
            encryption.check(other_keys[entry.id], key)
        chosen.append(block)
    if sum(len(block.pieces) for block in chosen) > MAX_RANGES:
        reason = (
            f"the blocks share more than {MAX_RANGES:,} ranges of other blobs; stage some with their bytes"
        )
        raise _invalid(reason)
    return chosen


def _is_old(entry: block_list.Block, staged: Mapping[str, Block]) -> bool:
    """Whether the block can only be among those that are committed."""
    return entry.source == "Committed" or (entry.source == "Latest" and entry.id not in staged)


def _by_id(blocks: Iterable[Block]) -> dict[str, Block]:
    return {block.id: block for block in blocks}


def _invalid(reason: str) -> BlobError:
    return BlobError("InvalidBlockList", details=(("Reason", reason),))


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
    staged = rows.staged(connection, slot) if of_base else []
    if not staged:
        guards.existing(slot)
    blob = slot.blob
    if blob is not None:
        guards.check_type(blob, "block")
        guards.check_look(call, blob, now)
    committed = rows.committed(connection, blob.layout_no if blob else None)
    document = block_list.encode(
        None if kind == "uncommitted" else _sizes(committed),
        None if kind == "committed" else _sizes(staged),
    )
    shown = [*XML, ("x-ms-blob-content-length", str(blob.size if blob else 0))]
    return Answer(200, [*shown, *(version_headers(blob.modified) if blob else [])], document)


def _sizes(blocks: Iterable[Block]) -> list[tuple[str, int]]:
    return [(block.id, block.size) for block in blocks]
