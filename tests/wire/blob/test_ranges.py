import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.blob import ranges
from batchite.wire.blob.errors import BlobError


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_the_slice_it_names(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    wanted = ranges.parse(None, f"bytes={first}-{last}")
    if last < first:
        assert wanted is None
        return
    assert wanted is not None
    if first >= size:
        with pytest.raises(BlobError) as refused:
            wanted.within(size)
        assert (refused.value.status, refused.value.code) == (416, "InvalidRange")
        return
    span = wanted.within(size)
    assert data[span.start : span.end] == data[first : last + 1]
    assert span.length == len(data[first : last + 1])
    assert span.content_range(size) == f"bytes {first}-{span.end - 1}/{size}"


def test_an_open_range_goes_to_the_end() -> None:
    wanted = ranges.parse(None, "bytes=3-")
    assert wanted is not None
    assert wanted.within(10) == ranges.Span(3, 10)


def test_the_services_own_header_wins() -> None:
    assert ranges.parse("bytes=1-2", "bytes=5-6") == ranges.Wanted(1, 2)


@pytest.mark.parametrize("text", ["bytes=-5", "bytes=a-b", "bytes=1-2,4-5", "items=1-2", "", "bytes=９-９"])
def test_other_forms_are_ignored(text: str) -> None:
    assert ranges.parse(text, None) is None
