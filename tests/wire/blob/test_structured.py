import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.blob import structured
from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.structured import Decoder, Encoder


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def message(*segments: bytes, whole: bytes | None = None) -> bytes:
    """As the format is documented, written down without the encoder."""
    inner = b"".join(
        number(at, 2) + number(len(data), 8) + data + crc64(data) for at, data in enumerate(segments, 1)
    )
    trailer = crc64(b"".join(segments)) if whole is None else whole
    length = 13 + len(inner) + len(trailer)
    return number(1, 1) + number(length, 8) + number(1, 2) + number(len(segments), 2) + inner + trailer


def decoded(data: bytes, content: int, *, at_once: int = 1 << 20, length: int | None = None) -> bytes:
    decoder = Decoder(len(data) if length is None else length, content)
    pieces = [
        bytes(piece)
        for at in range(0, len(data), at_once)
        for piece in decoder.feed(memoryview(data)[at : at + at_once])
    ]
    decoder.finish()
    return b"".join(pieces)


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(1, 40))
def test_segments_of_any_size_are_read_in_pieces_of_any_size(segments: list[bytes], at_once: int) -> None:
    content = b"".join(segments)
    assert decoded(message(*segments), len(content), at_once=at_once) == content


@given(st.binary(max_size=100), st.integers(1, 30), st.integers(1, 40))
def test_what_is_written_reads_the_same(data: bytes, segment: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structured, "SEGMENT_BYTES", segment)
        encoder = Encoder(len(data))
        pieces = [data[at : at + at_once] for at in range(0, len(data), at_once)]
        written = encoder.begin() + b"".join(part for piece in pieces for part in encoder.feed(piece))
        written += encoder.end()
    assert len(written) == encoder.length
    segments = [data[at : at + segment] for at in range(0, len(data), segment)]
    assert written == message(*segments or [b""])
    assert decoded(written, len(data)) == data


def test_there_are_never_more_segments_than_can_be_numbered() -> None:
    size = 2**45
    assert 0 < Encoder(size).length - size < (structured.MAX_SEGMENTS + 2) * 18 + 13


WHOLE = message(b"one", b"two")


@pytest.mark.parametrize(
    ("data", "content", "code"),
    [
        (b"", 0, "InvalidInput"),
        (WHOLE[:-1], 6, "InvalidInput"),
        (WHOLE[:30], 6, "InvalidInput"),
        (WHOLE + b"x", 6, "InvalidInput"),
        (b"\2" + WHOLE[1:], 6, "InvalidInput"),
        (WHOLE[:9] + b"\0" + WHOLE[10:], 6, "InvalidInput"),
        (WHOLE[:13] + b"\2" + WHOLE[14:], 6, "InvalidInput"),
        (WHOLE, 5, "InvalidInput"),
        (WHOLE, 7, "InvalidInput"),
        (WHOLE.replace(b"one", b"onf"), 6, "Crc64Mismatch"),
        (message(b"one", whole=b"12345678"), 3, "Crc64Mismatch"),
        (message(b"x" * 9)[:15] + b"\xff" * 8, 9, "InvalidInput"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, content: int, code: str) -> None:
    for at_once in (1, 7, 1000):
        with pytest.raises(BlobError) as refused:
            decoded(data, content, at_once=at_once, length=len(data))
        assert refused.value.code == code


def test_the_length_is_that_of_the_body() -> None:
    with pytest.raises(BlobError) as refused:
        decoded(WHOLE, 6, length=len(WHOLE) + 1)
    assert refused.value.code == "InvalidInput"


@pytest.mark.parametrize("form", ["XSM/1.0; properties=crc64", "xsm/1.0;properties=CRC64"])
def test_the_form_is_asked_for_by_its_name(form: str) -> None:
    assert structured.is_asked({structured.HEADER: form})
    assert not structured.is_asked({structured.HEADER: ""})
    assert not structured.is_asked({})


@pytest.mark.parametrize("form", ["XSM/2.0; properties=crc64", "XSM/1.0", "XSM/1.0; properties=md5"])
def test_another_form_is_refused(form: str) -> None:
    with pytest.raises(BlobError) as refused:
        structured.is_asked({structured.HEADER: form})
    assert refused.value.code == "InvalidHeaderValue"
