"""Structured bodies: content in segments, each with its checksum, for clients that validate as they go.

    message = header { segment } CRC64       header  = version (1 byte), length of the message (8),
    segment = number (2), length (8),                  properties (2), number of segments (2)
              content, CRC64

Numbers have their lowest byte first and count from 1; the last CRC64 is of the content as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from batchite.wire.blob import checksums, numbers
from batchite.wire.blob.crc64 import Crc64
from batchite.wire.blob.errors import BlobError, invalid_header, missing_header

HEADER = "x-ms-structured-body"
LENGTH = "x-ms-structured-content-length"
FORM = "XSM/1.0; properties=crc64"
"""The only value of the header that there is."""

SEGMENT_BYTES = 4 * 1024 * 1024
"""Of what is sent, unless that makes more segments than can be numbered."""
MAX_SEGMENTS = 2**16 - 1
_VERSION, _CRC64 = 1, 1
_HEADER_BYTES, _SEGMENT_BYTES, _CRC64_BYTES = 13, 10, 8

Data = bytes | memoryview


def is_asked(headers: Mapping[str, str]) -> bool:
    """Whether a body is one, or is to be. Raises BlobError InvalidHeaderValue for another form."""
    form = headers.get(HEADER)
    if form and "".join(form.split()).lower() != "".join(FORM.split()).lower():
        raise invalid_header(HEADER, form, FORM)
    return bool(form)


def content_length(headers: Mapping[str, str]) -> int:
    """Of what is in a body that is sent. Raises BlobError."""
    length = numbers.read(LENGTH, headers.get(LENGTH))
    if length is None:
        raise missing_header(LENGTH)
    return length


class Decoder:
    """Takes a message in pieces of any size; what it gives back are parts of them.

    `length` is that of the message (None: nobody knows), `content` that of what is in it.
    """

    def __init__(self, length: int | None, content: int) -> None:
        self._length = length
        self._content = content
        self._field = bytearray()
        self._expected = _HEADER_BYTES
        self._read: Callable[[bytes], None] = self._header
        self._left = 0
        """of the present segment's content"""
        self._segment, self._segments = 0, 0
        self._of_segment, self._of_all = Crc64(), Crc64()

    def feed(self, data: Data) -> Iterator[Data]:
        """The content in what comes next. Raises BlobError for what is no message, or not what it says."""
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._take(piece)
                yield piece
            elif self._expected:
                missing = self._expected - len(self._field)
                self._field += data[:missing]
                data = data[missing:]
                if len(self._field) == self._expected:
                    field = bytes(self._field)
                    self._field.clear()
                    self._read(field)
            else:
                raise _malformed("there is more than the message")

    def finish(self) -> None:
        """Raises BlobError unless the message is complete."""
        if self._expected or self._left:
            raise _malformed("the message ends early")
        if self._content:
            raise _malformed(f"it has {self._content} bytes less than {LENGTH} says")

    def _take(self, piece: Data) -> None:
        self._left -= len(piece)
        self._of_segment.update(piece)
        self._of_all.update(piece)

    def _expect(self, size: int, read: Callable[[bytes], None]) -> None:
        self._expected, self._read = size, read

    def _header(self, field: bytes) -> None:
        length, properties = _number(field[1:9]), _number(field[9:11])
        self._segments = _number(field[11:13])
        if field[0] != _VERSION or properties != _CRC64:
            raise _malformed(f"version {field[0]} with properties {properties} is not {FORM}")
        if self._length is not None and length != self._length:
            raise _malformed(f"the message says that it has {length} bytes, and it has {self._length}")
        self._next_segment()

    def _next_segment(self) -> None:
        if self._segment == self._segments:
            self._expect(_CRC64_BYTES, self._trailer)
        else:
            self._segment += 1
            self._expect(_SEGMENT_BYTES, self._segment_header)

    def _segment_header(self, field: bytes) -> None:
        number, self._left = _number(field[:2]), _number(field[2:])
        if number != self._segment:
            raise _malformed(f"segment {number} comes where segment {self._segment} is due")
        if self._left > self._content:
            raise _malformed(f"the segments have more bytes than {LENGTH} says")
        self._content -= self._left
        self._of_segment = Crc64()
        self._expect(_CRC64_BYTES, self._segment_footer)

    def _segment_footer(self, field: bytes) -> None:
        self._compare(f"segment {self._segment}", field, self._of_segment)
        self._next_segment()

    def _trailer(self, field: bytes) -> None:
        self._compare("all segments", field, self._of_all)
        self._expected = 0

    def _compare(self, of: str, given: bytes, computed: Crc64) -> None:
        if given != computed.digest():
            shown = (
                ("UserSpecifiedCrc", checksums.encode(given)),
                ("ServerCalculatedCrc", checksums.encode(computed.digest())),
            )
            raise BlobError("Crc64Mismatch", details=(("Reason", f"of {of}"), *shown))


class Encoder:
    """Makes a message of content of this length, in pieces of any size: `begin`, `feed` them, `end`."""

    def __init__(self, content: int) -> None:
        self._size = max(SEGMENT_BYTES, -(-content // MAX_SEGMENTS))
        self._segments = max(-(-content // self._size), 1)
        around = _HEADER_BYTES + self._segments * (_SEGMENT_BYTES + _CRC64_BYTES) + _CRC64_BYTES
        self.length = around + content
        """of the message"""
        self._content = content
        """still to come"""
        self._segment, self._left = 0, 0
        self._of_segment, self._of_all = Crc64(), Crc64()

    def begin(self) -> bytes:
        properties = _bytes(_CRC64, 2) + _bytes(self._segments, 2)
        return _bytes(_VERSION, 1) + _bytes(self.length, 8) + properties + self._begin_segment()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if not self._content:
                raise ValueError("there is more content than was said")
            if not self._left:
                yield self._end_segment() + self._begin_segment()
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            self._content -= len(piece)
            self._of_segment.update(piece)
            self._of_all.update(piece)
            yield piece

    def end(self) -> bytes:
        return self._end_segment() + self._of_all.digest()

    def _begin_segment(self) -> bytes:
        self._segment += 1
        self._left = min(self._size, self._content)
        self._of_segment = Crc64()
        return _bytes(self._segment, 2) + _bytes(self._left, 8)

    def _end_segment(self) -> bytes:
        return self._of_segment.digest()


def _number(field: bytes) -> int:
    return int.from_bytes(field, "little")


def _bytes(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def _malformed(reason: str) -> BlobError:
    return BlobError("InvalidInput", details=(("HeaderName", HEADER), ("Reason", reason)))
