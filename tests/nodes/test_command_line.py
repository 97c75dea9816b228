from __future__ import annotations

import pytest

from batchite.nodes.command_line import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/bin/true", ["/bin/true"]),
        ("  a\tb \n c ", ["a", "b", "c"]),
        ("sh -c 'echo $HOME | wc'", ["sh", "-c", "echo $HOME | wc"]),
        ('sh -c "echo \\"x\\" $y \\\\"', ["sh", "-c", 'echo "x" $y \\']),
        (r"a\ b c", ["a b", "c"]),
        (
            "echo $HOME *.txt # no comment > file",
            ["echo", "$HOME", "*.txt", "#", "no", "comment", ">", "file"],
        ),
        ("a '' b", ["a", "", "b"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize("line", ["", "  ", "sh -c 'open", 'a "b', "a\0b"])
def test_lines_that_are_none(line: str) -> None:
    with pytest.raises(ValueError, match="the command line"):
        split(line)
