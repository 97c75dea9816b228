"""The last line of hostile output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.batch.last_line import MAX_CHARACTERS, of, plain


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"one\ntwo\n", "two"),
        (b"one\ntwo", "two"),
        (b"ValueError: no\n\n \t\n", "ValueError: no"),
        (b" 10%\r 20%\r", "20%"),
        (b"dos\r\n", "dos"),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07alert\n", "red alert"),
        (b"a\tb\x00c\x07\n", "a b c"),
        (b"caf\xc3\xa9 \xff\n", "café �"),
        ("right‮to left\n".encode(), "right to left"),
        (b"\n\n", ""),
        (b"", ""),
    ],
)
def test_what_is_seen_last(content: bytes, line: str) -> None:
    assert of(content, is_whole=True) == line


def test_a_long_line_keeps_its_beginning() -> None:
    line = of(b"x" * 500, is_whole=True)
    assert (len(line), line[0], line[-1]) == (MAX_CHARACTERS, "x", "…")


def test_a_line_whose_beginning_is_not_looked_at_says_so() -> None:
    assert of(b"rest of it\n", is_whole=False) == "…rest of it"
    assert of(b"rest of it\nwhole\n", is_whole=False) == "whole"


@given(st.binary(max_size=5000), st.booleans())
def test_it_is_always_one_line_of_text(content: bytes, is_whole: bool) -> None:
    line = of(content, is_whole=is_whole)
    assert len(line) <= MAX_CHARACTERS
    assert line == plain(line)
    assert all(character.isprintable() for character in line)
