"""Whatever a task's definition has for a command line, a pattern or a path, it is read or refused as such."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchite.nodes import command_line, landing, windows_line
from batchite.nodes.failures import RunError
from batchite.nodes.outputs import pattern

WORDS = (
    *("a", "B.txt", " ", "\t", "\n", "'", '"', "\\", "\\\\", "$NAME", "${NAME}", "${", "%NAME%", "%"),
    *(
        "*",
        "**",
        "**/",
        "?",
        "[",
        "]",
        "[!",
        "[a-",
        "[z-a]",
        "[]",
        "&&",
        "||",
        "~~",
        "--",
        "(?i)",
        "\\Z",
        "é",
    ),
    *("/", "//", ".", "..", "../", "/root/", "\0", "\ud800", "\udc80", "0770", "0o7", "９"),
)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=15).map("".join)
LONG = [word * (20_000 // len(word)) for word in WORDS]


def matched(text: str) -> None:
    found = pattern.parse(pattern.of_windows(text), ("workitems", "job"), "/root")
    assert found.parts
    assert ".." not in found.base
    for part in found.parts:
        part.means("a" * 255)
        part.means("\udc80]é\n")


READERS: dict[str, tuple[Callable[[str], object], type[Exception]]] = {
    "command line": (command_line.split, ValueError),
    "line for Windows": (windows_line.split, ValueError),
    "file pattern": (matched, ValueError),
    "variables": (lambda text: pattern.expanded(text, {"NAME": "[*${NAME}"}), ValueError),
    "variables of Windows": (
        lambda text: pattern.expanded(text, {"NAME": "%NAME%"}, is_windows=True),
        ValueError,
    ),
    "path": (landing.parts, RunError),
    "mode": (landing.file_mode, RunError),
}


@pytest.mark.parametrize("name", READERS)
def test_whatever_is_written_is_read_or_refused(name: str) -> None:
    @settings(max_examples=60)
    @given(TEXTS)
    def holds(text: str) -> None:
        _read(name, text)

    holds()


@pytest.mark.parametrize("name", READERS)
def test_what_is_long_is_read_or_refused(name: str) -> None:
    for text in LONG:
        _read(name, text)


def _read(name: str, text: str) -> None:
    read, error = READERS[name]
    try:
        read(text)
    except error:
        return
