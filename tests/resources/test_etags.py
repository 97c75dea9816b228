import pytest

from batchite.resources.etags import etag, moment
from batchite.wire.ticks import Timestamp


def test_a_tag_counts_from_the_year_one() -> None:
    assert etag(Timestamp.parse("2026-01-31T12:00:00Z").ticks) == "0x8DE60C042916000"


@pytest.mark.parametrize("modified", [0, 17_000_000_000_000_000])
def test_a_tag_says_when_the_resource_was_changed(modified: int) -> None:
    assert moment(etag(modified)) == modified


@pytest.mark.parametrize(
    "tag", ["", "0x", "0xZ", "8DE60C042916000", "0x1", "-0x8DE60C042916000", f"0x{'F' * 40}"]
)
def test_a_tag_that_is_none_of_ours_stands_for_no_moment(tag: str) -> None:
    assert moment(tag) == -1
