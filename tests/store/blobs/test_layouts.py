"""Append and page blobs, their snapshots, versions and deletions, against a model in memory."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batchite.store.blobs import blobs, contents, kept, layouts, schema
from batchite.store.blobs.blobs import BASE, Blob, Slot, Wanted, Written
from batchite.store.blobs.blocks import ZEROS, Piece
from batchite.wire.blob.headers import HttpProperties
from batchite.wire.ticks import TICKS_PER_DAY

PAGES = 8


class Blobs(RuleBasedStateMachine):
    """Bytes stand for pages."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = sa.create_engine("sqlite://")
        schema.metadata.create_all(self.engine)
        self.connection = self.engine.connect().execution_options(writing=True)
        container = {"account": "a", "name": "c", "created": 0, "modified": 0}
        self.connection.execute(sa.insert(schema.containers), container)
        self.connection.execute(sa.insert(schema.services), {"account": "a"})
        self.now = 0
        self.base: bytes | None = None
        self.beside: dict[Wanted, bytes] = {}
        self.versioned = False

    def teardown(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def slot(self, wanted: Wanted = BASE) -> Slot:
        slot = blobs.find(self.connection, "a", "c", "b", wanted)
        assert slot is not None
        return slot

    def blob(self) -> Blob:
        blob = self.slot().blob
        assert blob is not None
        return blob

    def tick(self) -> int:
        self.now += 1
        return self.now

    def forget(self, condemned: list[int]) -> None:
        """What the disposal does after the commit."""
        contents.forget(self.connection, condemned)

    def stored(self, data: bytes) -> list[Piece]:
        return [Piece(contents.keep_inline(self.connection, data), 0, len(data))]

    def put_aside(self) -> None:
        """The model's side of overwriting or deleting a base while versions are kept."""
        blob = self.slot().blob
        if blob is not None and self.base is not None and (self.versioned or blob.version is not None):
            self.beside[Wanted(blob.version or blob.modified, "version")] = self.base

    @rule(kind=st.sampled_from(["append", "page"]))
    def create(self, kind: Any) -> None:
        self.put_aside()
        size = PAGES if kind == "page" else 0
        written = Written(self.tick(), size, HttpProperties(), None, type=kind)
        self.forget(kept.put(self.connection, self.slot(), "b", written))
        self.base = bytes(size)

    @precondition(lambda self: self.base is not None)
    @rule(data=st.binary(min_size=1, max_size=4), start=st.integers(0, PAGES - 1), clear=st.booleans())
    def write(self, data: bytes, start: int, clear: bool) -> None:
        blob, base = self.blob(), self.base or b""
        if blob.type == "append":
            layout_no = layouts.append(self.connection, blob, self.stored(data))
            blobs.update(self.connection, blob, self.tick(), size=blob.size + len(data), layout_no=layout_no)
            self.forget(layouts.leave(self.connection, blob, layout_no))
            self.base = base + data
            return
        end = min(start + len(data), blob.size)
        if start >= end:
            return
        data = bytes(end - start) if clear else data[: end - start]
        layout_no = layouts.own(self.connection, blob)
        pieces = [layouts.cleared(10**9 + self.tick(), len(data))] if clear else self.stored(data)
        condemned = layouts.write(self.connection, layout_no, start, end, pieces)
        blobs.update(self.connection, blob, self.tick(), layout_no=layout_no)
        self.forget(condemned)
        self.base = base[:start] + data + base[end:]

    @precondition(lambda self: self.base is not None)
    @rule()
    def snapshot(self) -> None:
        moment = self.tick()
        kept.snapshot(self.connection, self.blob(), moment, None)
        self.beside[Wanted(moment, "snapshot")] = self.base or b""

    @precondition(lambda self: self.base is not None)
    @rule()
    def set_metadata(self) -> None:
        self.put_aside()
        kept.change(self.connection, self.slot(), self.blob(), self.tick(), metadata=b"{}")

    @precondition(lambda self: self.base is not None)
    @rule()
    def delete(self) -> None:
        if self.versioned:
            self.put_aside()
        _, condemned = kept.delete(self.connection, self.slot(), self.blob(), self.tick(), "include")
        self.forget(condemned)
        self.base = None
        self.beside = {wanted: data for wanted, data in self.beside.items() if wanted.kind == "version"}

    @precondition(lambda self: self.beside)
    @rule(choice=st.integers(0, 100))
    def delete_one(self, choice: int) -> None:
        wanted = sorted(self.beside)[choice % len(self.beside)]
        slot = self.slot(wanted)
        assert slot.blob is not None
        self.forget(kept.delete_one(self.connection, slot, slot.blob, self.tick())[1])
        del self.beside[wanted]

    @precondition(lambda self: self.beside)
    @rule(choice=st.integers(0, 100))
    def copy_back(self, choice: int) -> None:
        """As a copy does: the base shares the layout of a snapshot or version."""
        wanted = sorted(self.beside)[choice % len(self.beside)]
        source = self.slot(wanted).blob
        assert source is not None
        self.put_aside()
        written = Written(
            self.tick(), source.size, HttpProperties(), None, layout_no=source.layout_no, type=source.type
        )
        self.forget(kept.put(self.connection, self.slot(), "b", written))
        self.base = self.beside[wanted]

    @rule(versioned=st.booleans())
    def switch(self, versioned: bool) -> None:
        self.connection.execute(sa.update(schema.services), {"versioning": versioned})
        self.versioned = versioned

    @precondition(lambda self: self.base is not None)
    @rule()
    def delete_softly_and_restore(self) -> None:
        """Comes to the same, whatever there is; a snapshot deleted with it comes back too."""
        if self.versioned:
            return
        self.connection.execute(sa.update(schema.services), {"blob_retention": 1})
        kept.delete(self.connection, self.slot(), self.blob(), self.tick(), "include")
        assert self.slot().blob is None
        assert kept.due(self.connection, self.now + TICKS_PER_DAY - 1, 100) == []
        kept.undelete(self.connection, self.slot(), "b", self.tick())
        self.connection.execute(sa.update(schema.services), {"blob_retention": None})

    def read(self, blob: Blob) -> bytes:
        if blob.size == 0:
            return b""
        pieces = layouts.pieces(self.connection, blob.layout_no, 0, blob.size)
        data = contents.data_of(self.connection, [piece.content_no for piece in pieces])
        return b"".join(
            bytes(piece.length)
            if piece.content_no == ZEROS
            else data[piece.content_no][piece.start : piece.start + piece.length]
            for piece in pieces
        )

    @invariant()
    def everything_reads_as_it_should(self) -> None:
        base = self.slot().blob
        assert (None if base is None else self.read(base)) == self.base
        for wanted, expected in self.beside.items():
            blob = self.slot(wanted).blob
            assert blob is not None
            assert self.read(blob) == expected

    @invariant()
    def nothing_is_left_that_no_blob_has(self) -> None:
        used = sa.select(schema.ranges.c.content_no)
        loose = sa.select(schema.contents.c.content_no).where(schema.contents.c.content_no.not_in(used))
        assert self.connection.execute(loose).all() == []
        had = sa.select(schema.blobs.c.layout_no).where(schema.blobs.c.layout_no.is_not(None))
        unused = sa.select(schema.layouts.c.layout_no).where(schema.layouts.c.layout_no.not_in(had))
        assert self.connection.execute(unused).all() == []


@pytest.mark.parametrize("examples", [12, pytest.param(200, marks=pytest.mark.endurance)])
def test_any_sequence_keeps_what_blobs_have_and_nothing_else(examples: int) -> None:
    Blobs.TestCase.settings = settings(max_examples=examples, stateful_step_count=25)
    Blobs.TestCase().runTest()


def test_a_layout_that_went_on_without_its_last_blob_is_dropped() -> None:
    it = Blobs()
    it.create("append")
    it.write(b"a", 0, clear=False)
    it.snapshot()
    it.write(b"b", 0, clear=False)
    it.copy_back(0)
    it.delete_one(0)
    it.write(b"c", 0, clear=False)
    it.everything_reads_as_it_should()
    it.nothing_is_left_that_no_blob_has()
    assert it.base == b"ac"
    it.teardown()
