"""What `cmd` of the layer understands: this table, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchite.images.programs import windows_cmd

PROGRAM = Path(windows_cmd.__file__)
A_WINDOWS_COMMAND = "a Windows command on a Linux node"

FORKING = """
import json, os, runpy, sys
sys.dont_write_bytecode = True
for line in sys.stdin:
    arguments, directory, environment = json.loads(line)
    pid = os.fork()
    if not pid:
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)
        for number, name in (1, "stdout"), (2, "stderr"):
            os.dup2(os.open("../" + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = [sys.argv[1], *arguments]
        runpy.run_path(sys.argv[0], run_name="__main__")
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
"""Each line is a call, in a process of its own; an interpreter for each would take ten times as long."""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def forking() -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-I", "-S", "-c", FORKING, str(PROGRAM)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


@pytest.fixture
def run(forking: subprocess.Popen[str], tmp_path: Path) -> Run:
    """The exit code, the output and the errors of `cmd`."""
    directory = tmp_path / "wd"
    (directory / "sub").mkdir(parents=True)
    (directory / "a.txt").write_bytes(b"one\n")
    (directory / "b.txt").write_bytes(b"two\n")
    (directory / "with blank.txt").write_bytes(b"blank\n")
    environment = {"PATH": "/usr/bin:/bin", "Where": "sub", "NAME": "x y", "WD": str(directory)}

    def run(*arguments: str) -> tuple[int, str, str]:
        assert forking.stdin is not None
        assert forking.stdout is not None
        print(json.dumps([arguments, str(directory), environment]), file=forking.stdin, flush=True)
        code = int(forking.stdout.readline())
        return code, (tmp_path / "stdout").read_text(), (tmp_path / "stderr").read_text()

    return run


@pytest.mark.parametrize(
    ("line", "code", "output"),
    [
        # echo
        ("/c echo hi", 0, "hi\n"),
        ("/C ECHO Hi  there", 0, "Hi  there\n"),
        ('/c echo "a  b" c', 0, '"a  b" c\n'),
        ("/c echo.", 0, "\n"),
        ("/c echo", 0, "ECHO is on.\n"),
        ("/c @echo off & echo x", 0, "x\n"),
        ("/c echo a^&b ^> c", 0, "a&b > c\n"),
        # & and && and ||
        ("/c echo a&echo b", 0, "a\nb\n"),
        ("/c echo a && echo b", 0, "a \nb\n"),
        ("/c type none && echo b", 1, ""),
        ("/c type none & echo b", 0, "b\n"),
        ("/c type none || echo b", 0, "b\n"),
        ("/c echo a || echo b", 0, "a \n"),
        # quotes around the line, and within
        ('/c "echo a && echo b"', 0, "a \nb\n"),
        ('/s /c "echo "a" & echo b"', 0, '"a" \nb\n'),
        ('/c echo "a & b"', 0, '"a & b"\n'),
        # variables, all of the line's before anything runs
        ("/c echo %NAME%", 0, "x y\n"),
        ("/c echo %name%-%WHERE%", 0, "x y-sub\n"),
        ("/c echo %NONE% 100%", 0, "%NONE% 100%\n"),
        ("/c set V=1&& echo %V%", 0, "%V%\n"),
        ("/c set V=a b&& set V", 0, "V=a b\n"),
        ('/c set "V=q" & set v', 0, "V=q\n"),
        ("/c set where=gone&& set WHERE", 0, "Where=gone\n"),
        ("/c set NAME=& set NAME", 1, ""),
        ("/c set NA", 0, "NAME=x y\n"),
        # cd
        ("/c cd sub && cd .. && type a.txt", 0, "one\n"),
        ("/c cd /d %WD%\\sub && type ..\\b.txt", 0, "two\n"),
        ("/c cd.. & echo x", 0, "x\n"),
        ("/c cd none && echo b", 1, ""),
        # type
        ("/c type a.txt b.txt", 0, "one\ntwo\n"),
        ("/c type .\\a.txt", 0, "one\n"),
        ('/c type "with blank.txt"', 0, "blank\n"),
        ("/c type nul", 0, ""),
        # copy
        ("/c copy a.txt sub && type sub\\a.txt", 0, "        1 file(s) copied.\none\n"),
        ("/c copy /y a.txt sub\\new.txt>nul & type sub\\new.txt", 0, "one\n"),
        ("/c copy ?.txt sub", 0, "        2 file(s) copied.\n"),
        ('/c copy "%WD%\\with blank.txt" c.txt & type c.txt', 0, "        1 file(s) copied.\nblank\n"),
        ("/c copy none sub", 1, ""),
        # > and >>
        ("/c echo hi>out.txt&type out.txt", 0, "hi\n"),
        ('/c echo hi >"out two.txt" & type "out two.txt"', 0, "hi \n"),
        ("/c echo 1>nul", 1, ""),
        ("/c (echo hi>out.txt)", 1, ""),
        ("/c echo a>o.txt&echo b>>o.txt&type o.txt", 0, "a\nb\n"),
        ("/c echo hi > none\\out.txt", 1, ""),
        # exit
        ("/c exit 3", 3, ""),
        ("/c exit /b 4 & echo x", 4, ""),
        ("/c exit", 0, ""),
        # programs of the node that mean nothing else in Windows
        ("/c printf %s \"a b\"", 0, "a b"),
        ("/c sh -c \"exit 7\"", 7, ""),
        ("/c true && echo yes>y.txt && cat y.txt", 0, "yes\n"),
        ("/c cat .\\sub\\none || echo no", 0, "no\n"),
        ("/c", 0, ""),
    ],
)  # fmt: skip
def test_what_is_understood(line: str, code: int, output: str, run: Run) -> None:
    ended = run(line)
    assert ended[:2] == (code, output), ended


@pytest.mark.parametrize(
    "line",
    [
        "/c dir",
        "/c robocopy a b /e",
        "/c powershell -Command Get-Date",
        "/c if exist a.txt echo b",
        "/c for %i in (1) do echo %i",
        "/c echo a | sort",
        "/c type < a.txt",
        "/c foo.exe 2>&1",
        "/c echo a 2>nul",
        "/c echo %NAME:~0,1%",
        "/c set /a 1+1",
        "/c type C:\\a.txt",
        "/c copy a.txt+b.txt c.txt",
        "/c copy ?.txt c.txt",
        "/c find x",
        "/k echo a",
        "/v:on /c echo a",
        "",
    ],
)
def test_what_is_not(line: str, run: Run) -> None:
    code, output, errors = run(line)
    assert (code, output) == (1, "")
    assert A_WINDOWS_COMMAND in errors
    assert "/bin/sh -c" in errors


def test_words_of_their_own_are_a_line_too(run: Run) -> None:
    assert run("/c", "echo", "a b") == (0, "a b\n", "")
