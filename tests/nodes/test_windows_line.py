from __future__ import annotations

import pytest

from batchite.nodes.windows_line import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cmd /c echo %A% \"b  c\" & x", ["cmd", "/c echo %A% \"b  c\" & x"]),
        ("  CMD.EXE  /c  type a\\b ", ["cmd", "/c  type a\\b"]),
        ("C:\\Windows\\System32\\cmd.exe /c x", ["cmd", "/c x"]),
        ("cmd", ["cmd", ""]),
        ("python a.py b\\c", ["python", "a.py", "b\\c"]),
        ('bin\\tool.exe "a b" ""', ["bin/tool.exe", "a b", ""]),
        ('"my tool" x', ["my tool", "x"]),
        (r'tool "a\"b" c\\"d e"', ["tool", 'a"b', "c\\d e"]),
        (r'tool a\\\"b \\', ["tool", 'a\\"b', "\\\\"]),
    ],
)  # fmt: skip
def test_words(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize("line", ["", "   ", '""', "cmd /c \0"])
def test_lines_that_are_none(line: str) -> None:
    with pytest.raises(ValueError, match="the command line"):
        split(line)
