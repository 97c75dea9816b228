"""Names of any bytes, told as text and found again by it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.nodes.sandbox.spelling import meant, spelled

PIECES = [b"a", b"E4", b"9", b".", b"%E4", b"\xe4", b"\xff", b"\xf0\x9f", "é�".encode(), "\ue000".encode()]
NAMES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=8).map(b"".join)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain", "plain"),
        ("dé".encode(), "dé"),
        (b"d\xe9j\xe0.txt", "d�E9j�E0.txt"),
        (b"\xed\xb3\xa9", "�ED�B3�A9"),  # half a character, which UTF-8 does not have
        ("once � lost".encode(), "once � lost"),
        ("�E9".encode(), "�EF�BF�BDE9"),
        (b"100%E9", "100%E9"),
    ],
)
def test_how_names_are_spelled(content: bytes, text: str) -> None:
    assert spelled(os.fsdecode(content)) == text
    assert meant(text) == os.fsdecode(content)


@given(NAMES)
def test_a_spelling_is_text_and_means_its_name(content: bytes) -> None:
    name = os.fsdecode(content)
    assert meant(spelled(name).encode().decode()) == name


@given(st.lists(st.sampled_from(["�", "2", "F", "E4", "00", "2E", "AF", "/", "x"])).map("".join))
def test_no_spelling_hides_what_leads_elsewhere(text: str) -> None:
    for mark in "/.\0":
        assert meant(text).count(mark) == text.count(mark)
