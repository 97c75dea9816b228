from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.blob import listings
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import HttpProperties

names = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=8)


@given(names)
def test_a_marker_comes_back(name: str) -> None:
    assert listings.read_marker(listings.marker(name)) == name


@pytest.mark.parametrize("text", ["x", "AAAA", "%%%", "MQ==", "MQr/", "ä", "MQr_"])
def test_markers_not_ours_are_refused(text: str) -> None:
    with pytest.raises(BlobError) as refused:
        listings.read_marker(text)
    assert refused.value.status == 400


@given(names, names)
def test_nothing_lies_between_a_name_and_the_following(name: str, other: str) -> None:
    assert (other > name) == (other >= listings.following(name))


@given(names, names)
def test_past_a_prefix_lies_all_that_is_greater_and_does_not_begin_with_it(prefix: str, other: str) -> None:
    past = listings.past(prefix)
    inside = other.startswith(prefix)
    assert inside == (other >= prefix and (past is None or other < past))


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_every_list_is_well_formed(name: str) -> None:
    entry = listings.BlobEntry(name, 0, 0, 1, HttpProperties(content_language=name), {"a": name})
    asked = listings.Asked(f"http://h/{name}/", name, name, 5, name)
    root = ElementTree.fromstring(listings.blobs(asked, name, [entry, listings.PrefixEntry(name)], ""))  # noqa: S314
    assert len(root.findall("Blobs/Blob")) == len(root.findall("Blobs/BlobPrefix")) == 1


@pytest.mark.parametrize(
    ("text", "number"), [(None, None), ("", None), ("1", 1), ("5000", 5000), ("9999", 5000)]
)
def test_max_results(text: str | None, number: int | None) -> None:
    assert listings.max_results(text) == number
