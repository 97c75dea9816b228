"""Which words of a command line mean something to a shell only."""

from __future__ import annotations

import pytest

from batchite.wire.batch import shell_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("echo $HOME", ["$HOME"]),
        ("echo ${HOME}/x", ["${HOME}/x"]),
        ("python run.py > out.txt", [">"]),
        ("python run.py >out.txt 2>&1", [">out.txt", "2>&1"]),
        ("cat a | sort", ["|"]),
        ("make && make install", ["&&"]),
        ("false || true", ["||"]),
        ("cat *.txt", ["*.txt"]),
        ("cat data/*", ["data/*"]),
        ("a $A | b > c && d *", ["$A", "|", ">"]),
        ("/usr/bin/python3 x.py --out=$AZ_BATCH_TASK_DIR", ["--out=$AZ_BATCH_TASK_DIR"]),
        ("echo 'quoted' $X", ["$X"]),
        ("echo " + "$" + "x" * 100, ["$" + "x" * 39]),
        # none of these
        ("/bin/true", []),
        ("/bin/sh -c 'echo $HOME > out.txt'", []),
        ('/bin/sh -c "echo $HOME && ls *"', []),
        ("/bin/bash -lc 'a | b'", []),
        ("bash script.sh *", []),
        ("timeout 60 sh -c 'a > b' $X", []),
        ('cmd /c "dir > out.txt"', []),
        ("cmd.exe /c dir > out.txt", []),
        ('"C:\\Windows\\System32\\cmd.exe" /c dir > out.txt', []),
        ("powershell -Command $x = 1", []),
        ("python -c 'print(1 > 0)'", []),
        ('python -c "print(2 * 3) if 4 > 3 else None"', []),
        ("python -c \"import os; print('$HOME')\"", []),
        ("awk '{print $1}' file", []),
        ("echo \\$HOME \\* \\>", []),
        ("find . -name *.txt", []),
        ("rsync --include=*.c a b", []),
        ("curl http://host/x?a=1&b=2", []),
        ("grep a|b file", []),
        ("echo 5 $5 $ $(", []),
        ("awk {print$1} file", []),
        ("echo 'unbalanced > ", []),
        ("", []),
    ],
)
def test_words_that_only_a_shell_understands(line: str, words: list[str]) -> None:
    assert list(shell_words.needing(line)) == words


def test_a_long_line_is_looked_at_in_no_time() -> None:
    for line in ("a '" * 10_000 + "*", "\\" * 100_000 + "*", "x " * 50_000 + "> y", "'\"" * 50_000 + "$X"):
        assert len(shell_words.needing(line)) <= shell_words.MOST
