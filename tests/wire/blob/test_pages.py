from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.blob import pages
from batchite.wire.blob.pages import Segment

LENGTH = 12
states = st.lists(st.one_of(st.none(), st.integers(1, 3)), min_size=LENGTH, max_size=LENGTH)


def segments(state: list[int | None]) -> list[Segment]:
    """One for each byte that has content; the byte's place in the content is its place in the blob."""
    return [Segment(at, at + 1, number, 0) for at, number in enumerate(state) if number is not None]


@given(states)
def test_written_pages_are_joined(state: list[int | None]) -> None:
    found = pages.written(segments(state))
    assert [at for page in found for at in range(page.start, page.end)] == [
        at for at, number in enumerate(state) if number is not None
    ]
    assert all(one.end < other.start for one, other in pairwise(found))


@given(states, states)
def test_changes_are_told_byte_by_byte(new: list[int | None], old: list[int | None]) -> None:
    found = pages.changed(segments(new), segments(old))
    told = {at: page.cleared for page in found for at in range(page.start, page.end)}
    expected = {at: new[at] is None for at in range(LENGTH) if new[at] != old[at]}
    assert told == expected


def test_pages_that_were_cleared_differ_from_others_and_from_earlier_ones() -> None:
    cleared, again = Segment(0, 2, 0, -7, cleared=True), Segment(0, 2, 0, -9, cleared=True)
    written = Segment(1, 3, 1, 0)
    assert pages.written([cleared, Segment(2, 3, 1, 0)]) == [pages.Pages(2, 3)]
    assert pages.changed([cleared], []) == [pages.Pages(0, 2, cleared=True)]
    assert pages.changed([cleared], [again]) == [pages.Pages(0, 2, cleared=True)]
    assert pages.changed([cleared], [cleared]) == []
    assert pages.changed([written], [cleared]) == [pages.Pages(0, 1, cleared=True), pages.Pages(1, 3)]


def test_a_moved_content_is_a_change() -> None:
    assert pages.changed([Segment(0, 4, 1, 0)], [Segment(0, 4, 1, 4)]) == [pages.Pages(0, 4)]


@given(states, st.sampled_from(["", "next"]))
def test_a_list_of_pages_is_read_as_it_was_written(state: list[int | None], marker: str) -> None:
    found = pages.written(segments(state))
    spans, more = pages.parse(pages.encode(found, marker))
    assert [(span.start, span.end) for span in spans] == [(page.start, page.end) for page in found]
    assert (more or "") == marker
