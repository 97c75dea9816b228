from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.blob import conditions, dates
from batchite.wire.blob.errors import BlobError
from batchite.wire.ticks import TICKS_PER_SECOND

NOW = 17_000_000_000_000_003
ETAG = dates.etag(NOW)
SECOND = NOW // TICKS_PER_SECOND
PUT_HEADERS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


def date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def outcome(headers: dict[str, str], how: str, modified: int | None = NOW) -> int | str:
    """200 or the refusal's status; for a 400 its code."""
    try:
        parsed = conditions.parse(headers)
        if how != "read":
            conditions.check_combination(headers)
        if how == "put":
            parsed.check_put(modified)
        elif modified is not None:
            (parsed.check_read if how == "read" else parsed.check_change)(modified)
    except BlobError as error:
        return error.code if error.status == 400 else error.status
    return 200


MATRIX = [
    # headers, read, change, put over it, put anew
    ({}, 200, 200, 200, 200),
    ({"if-match": ETAG}, 200, 200, 200, 412),
    ({"if-match": ETAG.strip('"')}, 200, 200, 200, 412),
    ({"if-match": f'"0x1", {ETAG}'}, 200, *["MultipleConditionHeadersNotSupported"] * 3),
    ({"if-none-match": f'"0x1", {ETAG}'}, 304, *["MultipleConditionHeadersNotSupported"] * 3),
    ({"if-match": f"W/{ETAG}"}, 412, 412, 412, 412),
    ({"if-none-match": f"W/{ETAG}"}, 304, 412, 412, 200),
    ({"if-none-match": f'W/"0x1", W/{ETAG}'}, 304, *["MultipleConditionHeadersNotSupported"] * 3),
    ({"if-match": '"0x1"'}, 412, 412, 412, 412),
    ({"if-match": "*"}, 200, 200, 200, 412),
    ({"if-none-match": ETAG}, 304, 412, 412, 200),
    ({"if-none-match": '"0x1"'}, 200, 200, 200, 200),
    ({"if-none-match": "*"}, "UnsatisfiableCondition", "UnsatisfiableCondition", 409, 200),
    ({"if-modified-since": date(SECOND)}, 304, 412, 412, 200),
    ({"if-modified-since": date(SECOND - 1)}, 200, 200, 200, 200),
    ({"if-unmodified-since": date(SECOND)}, 200, 200, 200, 200),
    ({"if-unmodified-since": date(SECOND - 1)}, 412, 412, 412, 200),
    ({"if-none-match": '"0x1"', "if-modified-since": date(SECOND)}, 200, 200, 200, 200),
    ({"if-none-match": ETAG, "if-modified-since": date(SECOND - 1)}, 200, 412, 412, 200),
    ({"if-none-match": ETAG, "if-modified-since": date(SECOND)}, 304, 412, 412, 200),
    ({"if-match": ETAG, "if-unmodified-since": date(SECOND - 1)}, 412, 200, 200, 412),
    ({"if-match": '"0x1"', "if-unmodified-since": date(SECOND)}, 412, 412, 412, 412),
    ({"if-match": ETAG, "if-none-match": ETAG}, 304, *["MultipleConditionHeadersNotSupported"] * 3),
    ({"if-match": ETAG, "if-none-match": '"0x1"'}, 200, *["MultipleConditionHeadersNotSupported"] * 3),
    (
        {"if-modified-since": date(SECOND - 1), "if-unmodified-since": date(SECOND)},
        200,
        *["MultipleConditionHeadersNotSupported"] * 3,
    ),
    ({"if-modified-since": "yesterday"}, *["InvalidHeaderValue"] * 4),
]


@pytest.mark.parametrize(("headers", "read", "change", "put", "create"), MATRIX)
def test_the_matrix(
    headers: dict[str, str], read: int | str, change: int | str, put: int | str, create: int | str
) -> None:
    assert outcome(headers, "read") == read
    assert outcome(headers, "change") == change
    assert outcome(headers, "put") == put
    assert outcome(headers, "put", None) == create


@given(st.integers(0, 4 * 10**16), st.integers(-3, 3))
def test_times_split_at_the_whole_second(modified: int, offset: int) -> None:
    since = date(max(modified // TICKS_PER_SECOND + offset, 0))
    newer = modified // TICKS_PER_SECOND > max(modified // TICKS_PER_SECOND + offset, 0)
    assert outcome({"if-modified-since": since}, "read", modified) == (200 if newer else 304)
    assert outcome({"if-unmodified-since": since}, "read", modified) == (412 if newer else 200)


@given(st.dictionaries(st.sampled_from(PUT_HEADERS), st.text(max_size=20)))
def test_nothing_else_escapes(headers: dict[str, str]) -> None:
    assert outcome(headers, "read") in (
        200, 304, 412, "InvalidHeaderValue", "UnsatisfiableCondition",
    )  # fmt: skip


def test_a_304_tells_the_etag() -> None:
    with pytest.raises(BlobError) as unchanged:
        conditions.parse({"if-none-match": ETAG}).check_read(NOW)
    assert ("ETag", ETAG) in unchanged.value.headers
