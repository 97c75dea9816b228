"""Block ids, and the XML of Put Block List and Get Block List."""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from typing import Literal, NamedTuple

from batchite.wire.blob import xml
from batchite.wire.blob.errors import BlobError, xml_text

Source = Literal["Committed", "Uncommitted", "Latest"]

MAX_BLOCKS = 50_000
MAX_BLOCK_ID_BYTES = 64
MAX_BODY_BYTES = 16 * 1024 * 1024
"""More than 50,000 of the longest ids take."""

_SOURCES: dict[str, Source] = {
    "Committed": "Committed",
    "Uncommitted": "Uncommitted",
    "Latest": "Latest",
}


class Block(NamedTuple):
    """One entry of the list: where to look for the block, and its id as sent."""

    source: Source
    id: str


def check_id(block_id: str) -> str:
    """Raise BlobError InvalidBlockId unless it is base64 of 1 to 64 bytes; returns it."""
    try:
        decoded = binascii.a2b_base64(block_id, strict_mode=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not 1 <= len(decoded) <= MAX_BLOCK_ID_BYTES:
        raise BlobError("InvalidBlockId", details=(("Reason", "base64 of 1 to 64 bytes"),))
    return block_id


def id_length(block_id: str) -> int:
    """How many bytes a block id is made of; for all ids of a blob that is the same."""
    return len(binascii.a2b_base64(block_id))


class _Reader:
    """Collects the blocks while the parser goes through the document."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._depth = 0
        self._source: Source | None = None
        self._text: list[str] = []

    def start(self, name: str) -> None:
        self._depth += 1
        if self._depth == 1 and name == "BlockList":
            return
        if self._depth != 2 or name not in _SOURCES:
            raise xml.malformed(f"the element {name!r} is not expected here")
        self._source, self._text = _SOURCES[name], []

    def text(self, data: str) -> None:
        if self._source is not None:
            self._text.append(data)

    def end(self, _name: str) -> None:
        self._depth -= 1
        if self._source is not None:
            self._add(self._source)
            self._source = None

    def _add(self, source: Source) -> None:
        if len(self.blocks) >= MAX_BLOCKS:
            raise BlobError("BlockListTooLong")
        self.blocks.append(Block(source, check_id("".join(self._text).strip())))


def parse(document: bytes) -> list[Block]:
    """Read the body of Put Block List.

    Raises BlobError InvalidXmlDocument, InvalidBlockId or BlockListTooLong.
    """
    reader = _Reader()
    xml.feed(document, reader)
    return reader.blocks


def encode(
    committed: Iterable[tuple[str, int]] | None, uncommitted: Iterable[tuple[str, int]] | None
) -> bytes:
    """The body of Get Block List from (id, size) pairs; None leaves a list out."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><BlockList>'
        f"{_list('CommittedBlocks', committed)}{_list('UncommittedBlocks', uncommitted)}</BlockList>"
    ).encode()


def _list(name: str, blocks: Iterable[tuple[str, int]] | None) -> str:
    if blocks is None:
        return ""
    inner = "".join(
        f"<Block><Name>{xml_text(block_id)}</Name><Size>{size}</Size></Block>" for block_id, size in blocks
    )
    return f"<{name}>{inner}</{name}>"
