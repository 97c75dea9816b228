"""What tasks have written, as text to look at: in pieces of whole characters, harmless whatever it wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

from batchite.batch.files import actions
from batchite.batch.files.places import Place
from batchite.portal.naming import visible
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError

PIECE = 64 * 1024
"""Bytes that are shown at once."""
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Colours and moves of the cursor: not shown."""
_LONGEST = 4
"""Bytes of a character."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a file: from `start` to before `end`, of `size` bytes. `problem` says why there is none."""

    name: str
    text: str = ""
    start: int = 0
    end: int = 0
    size: int = 0
    problem: str = ""


async def end_of(visit: Visit, place: Place, name: str, most: int = PIECE) -> Piece:
    """The last lines of a file."""
    return await _told(visit, place, name, None, most)


async def piece_of(visit: Visit, place: Place, name: str, start: int, most: int = PIECE) -> Piece:
    """The file from `start` on; nothing where it ends before."""
    return await _told(visit, place, name, start, most)


async def _told(visit: Visit, place: Place, name: str, start: int | None, most: int) -> Piece:
    try:
        return await _read(visit, place, name, start, most)
    except BatchError as error:
        detail = error.message.partition("\n")[0]
        return Piece(name, start=start or 0, end=start or 0, problem=detail)


async def _read(visit: Visit, place: Place, path: str, start: int | None, most: int) -> Piece:
    name, file = await actions.find(visit.acting, place, path)
    if file.is_directory:
        raise BatchError("FileNotFound", "It is a directory.")
    is_end = start is None
    at = max(file.size - most, 0) if start is None else min(start, file.size)
    length = min(most, file.size - at)
    if length == 0:
        return Piece(name, start=at, end=at, size=file.size)
    chunks = await actions.read(visit.acting, place, name, at, length)
    content = b"".join([chunk async for chunk in chunks])
    first, text, used = decoded(content, is_first=at == 0)
    if is_end and at and "\n" in text:
        cut = text.index("\n") + 1
        first += len(text[:cut].encode("utf-8", "replace"))
        text = text[cut:]
    return Piece(name, plain(text), at + first, at + used, file.size)


def decoded(content: bytes, *, is_first: bool) -> tuple[int, str, int]:
    """The text in the bytes, with where it begins and ends: characters that are cut in two are left to the
    pieces before and after."""
    first = 0
    while not is_first and first < min(_LONGEST - 1, len(content)) and _is_inner(content[first]):
        first += 1
    end = len(content)
    for back in range(1, min(_LONGEST, end - first) + 1):
        byte = content[end - back]
        if not _is_inner(byte):
            end -= back if _bytes_of(byte) > back and end - back > first else 0
            break
    return first, content[first:end].decode("utf-8", "replace"), end


def _is_inner(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _bytes_of(lead: int) -> int:
    """Of a character that begins with this byte."""
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def plain(text: str) -> str:
    """Lines without what controls a terminal."""
    return visible(_TERMINAL.sub("", text.replace("\r\n", "\n")))
