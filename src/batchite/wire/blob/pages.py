"""Page blobs: what requests say of pages and sequence numbers, and the XML of page lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from batchite.wire.blob import numbers, ranges, xml
from batchite.wire.blob.errors import BlobError, invalid_header, missing_header
from batchite.wire.blob.ranges import Span

PAGE_BYTES = 512
MAX_WRITE_BYTES = 4 * 1024 * 1024
MAX_SIZE = 8 * 1024**4

LENGTH = "x-ms-blob-content-length"
SEQUENCE = "x-ms-blob-sequence-number"
ACTION = "x-ms-sequence-number-action"
_ACTIONS = frozenset({"max", "update", "increment"})


def read_size(text: str | None) -> int:
    """Raises BlobError unless it is whole pages, at most 8 TiB."""
    size = numbers.read(LENGTH, text)
    if size is None:
        raise missing_header(LENGTH)
    if size % PAGE_BYTES or size > MAX_SIZE:
        raise invalid_header(LENGTH, str(size), "a multiple of 512, at most 8 TiB")
    return size


class Change(NamedTuple):
    """What Set Blob Properties changes of a page blob; None leaves as it is."""

    size: int | None = None
    action: str | None = None
    sequence: int | None = None

    @property
    def given(self) -> bool:
        return self != Change()

    def next_sequence(self, present: int) -> int:
        """Raises BlobError SequenceNumberIncrementTooLarge."""
        if self.action == "increment":
            if present == numbers.MAX:
                raise BlobError("SequenceNumberIncrementTooLarge")
            return present + 1
        asked = present if self.sequence is None else self.sequence
        return max(asked, present) if self.action == "max" else asked


def read_change(headers: Mapping[str, str]) -> Change:
    """Raises BlobError for headers that are wrong or do not go together."""
    size = read_size(headers[LENGTH]) if headers.get(LENGTH) else None
    action = headers.get(ACTION, "").lower() or None
    sequence = numbers.read(SEQUENCE, headers.get(SEQUENCE))
    if action is not None and action not in _ACTIONS:
        raise invalid_header(ACTION, action, "max, update or increment")
    if action in ("max", "update") and sequence is None:
        raise missing_header(SEQUENCE)
    if action in (None, "increment") and sequence is not None:
        raise invalid_header(SEQUENCE, str(sequence), f"only together with {ACTION} max or update")
    return Change(size, action, sequence)


class Sequence(NamedTuple):
    """Conditions on the sequence number; None where there is none."""

    at_most: int | None = None
    below: int | None = None
    equal: int | None = None

    def check(self, number: int) -> None:
        """Raises BlobError 412 unless they hold."""
        if (
            (self.at_most is not None and number > self.at_most)
            or (self.below is not None and number >= self.below)
            or (self.equal is not None and number != self.equal)
        ):
            raise BlobError("SequenceNumberConditionNotMet")


def read_sequence(headers: Mapping[str, str]) -> Sequence:
    """Raises BlobError for what is no number."""
    names = (f"x-ms-if-sequence-number-{name}" for name in ("le", "lt", "eq"))
    return Sequence(*(numbers.read(name, headers.get(name)) for name in names))


def read_pages(headers: Mapping[str, str]) -> Span:
    """The pages to write. Raises BlobError unless they are whole pages."""
    text = headers.get("x-ms-range") or headers.get("range")
    if not text:
        raise missing_header("x-ms-range")
    wanted = ranges.parse(text, None)
    if wanted is None or wanted.last is None:
        raise invalid_header("x-ms-range", text, "bytes=first-last")
    span = Span(wanted.first, wanted.last + 1)
    if span.start % PAGE_BYTES or span.end % PAGE_BYTES:
        raise BlobError("InvalidPageRange", details=(("Reason", "pages begin and end at multiples of 512"),))
    return span


class Segment(NamedTuple):
    """Bytes `start` to `end`, which are in content `content_no` from `offset` (may be negative: of the
    content's place for byte 0 of the blob) on. Of pages that were `cleared` these two tell which time."""

    start: int
    end: int
    content_no: int
    offset: int
    cleared: bool = False


class Pages(NamedTuple):
    """Adjacent pages of one kind; `end` is behind the last byte."""

    start: int
    end: int
    cleared: bool = False


def written(segments: Iterable[Segment]) -> list[Pages]:
    """All pages with content, in order."""
    return _merge(Pages(segment.start, segment.end) for segment in segments if not segment.cleared)


def changed(new: list[Segment], old: list[Segment]) -> list[Pages]:
    """Pages that were written or cleared between two states of a blob, in order."""
    return _merge(_changes(new, old))


def _changes(new: list[Segment], old: list[Segment]) -> Iterator[Pages]:
    edges = sorted({edge for segment in (*new, *old) for edge in (segment.start, segment.end)})
    now, before = _Cursor(new), _Cursor(old)
    for start, end in pairwise(edges):
        present, past = now.at(start), before.at(start)
        if present != past:
            yield Pages(start, end, cleared=present is None or present.cleared)


class _Cursor:
    """Says what a position has, wherever that begins and ends; positions are asked for in order."""

    def __init__(self, segments: list[Segment]) -> None:
        self._segments = segments
        self._index = 0

    def at(self, position: int) -> Segment | None:
        while self._index < len(self._segments) and self._segments[self._index].end <= position:
            self._index += 1
        if self._index == len(self._segments) or self._segments[self._index].start > position:
            return None
        return self._segments[self._index]._replace(start=0, end=0)


def _merge(pages: Iterable[Pages]) -> list[Pages]:
    merged: list[Pages] = []
    for page in pages:
        last = merged[-1] if merged else None
        if last is not None and last.end == page.start and last.cleared == page.cleared:
            merged[-1] = last._replace(end=page.end)
        else:
            merged.append(page)
    return merged


class _Reader:
    """Collects ranges while the parser goes through the document."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.marker = ""
        self._values: dict[str, list[str]] = {}
        self._name = ""

    def start(self, name: str) -> None:
        self._name = name
        self._values[name] = []

    def text(self, data: str) -> None:
        self._values.setdefault(self._name, []).append(data)

    def end(self, name: str) -> None:
        self._name = ""
        if name == "PageRange":
            self.spans.append(Span(self._number("Start"), self._number("End") + 1))
        elif name == "NextMarker":
            self.marker = self._value(name)

    def _value(self, name: str) -> str:
        return "".join(self._values.get(name, ())).strip()

    def _number(self, name: str) -> int:
        text = self._value(name)
        if not (text.isascii() and text.isdigit()) or len(text) > 19:
            raise xml.malformed(f"{name} of a page range is not a number")
        return int(text)


def parse(document: bytes) -> tuple[list[Span], str | None]:
    """What the body of Get Page Ranges says was written, and where to go on, None at the end.

    Raises BlobError InvalidXmlDocument.
    """
    reader = _Reader()
    xml.feed(document, reader)
    return reader.spans, reader.marker or None


def encode(pages: Iterable[Pages], next_marker: str = "") -> bytes:
    """The body of Get Page Ranges."""
    inner = "".join(
        f"<{name}><Start>{page.start}</Start><End>{page.end - 1}</End></{name}>"
        for page in pages
        for name in ("ClearRange" if page.cleared else "PageRange",)
    )
    marker = f"<NextMarker>{next_marker}</NextMarker>" if next_marker else ""
    return f'<?xml version="1.0" encoding="utf-8"?><PageList>{inner}{marker}</PageList>'.encode()
