"""Which files a `filePattern` means, in a tree with everything that could be confused."""

from __future__ import annotations

import glob
import os
import random
from pathlib import Path

import pytest

from batchite.nodes.outputs import finding
from batchite.nodes.outputs.finding import Found, TooManyError, found
from batchite.nodes.outputs.naming import blob_name
from batchite.nodes.outputs.pattern import expanded, of_windows, parse
from batchite.nodes.sandbox.tree import Tree, TreeError

ROOT = "/mnt/batch/tasks"
WORKING = ("workitems", "j", "job-1", "t", "wd")
FILES = (
    "a.txt",
    "b.txt",
    "a1",
    "a*",
    "[x]",
    ".hidden.txt",
    "sub/c.txt",
    "sub/deep/d.txt",
    "sub/.deep/e.txt",
    ".dir/f.txt",
)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    working = tmp_path.joinpath(*WORKING)
    for name in FILES:
        (working / name).parent.mkdir(parents=True, exist_ok=True)
        (working / name).write_text(name)
    for name in ("stdout.txt", "stderr.txt"):
        (working.parent / name).write_text(name)
    (tmp_path / "volatile").mkdir()
    (tmp_path / "volatile" / "s.txt").write_text("s")
    return tmp_path


def meant(node: Path, text: str) -> dict[str, str]:
    """Blob names without a prefix, and the path that each has from the working directory."""
    tree, closed = Tree(str(node)), list[str]()
    try:
        files = list(found(tree, parse(text, WORKING, ROOT), closed.append))
    finally:
        tree.close()
    assert closed == []
    assert len({one.path for one in files}) == len(files)
    return {one.name: os.path.relpath(one.path, "/".join(WORKING)) for one in files}


ALL = {"a.txt", "b.txt", "a1", "a*", "[x]", "sub/c.txt", "sub/deep/d.txt"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.txt", {"a.txt"}),
        ("./sub/../a.txt", {"a.txt"}),
        ("sub/c.txt", {"c.txt"}),
        ("sub", set()),
        ("nothing", set()),
        ("nowhere/*", set()),
        ("*.txt", {"a.txt", "b.txt"}),
        (".*.txt", {".hidden.txt"}),
        ("?.txt", {"a.txt", "b.txt"}),
        ("[ac].txt", {"a.txt"}),
        ("[a-c].txt", {"a.txt", "b.txt"}),
        ("[!a].txt", {"b.txt"}),
        ("a[0-9*]", {"a1", "a*"}),
        ("a[*]", {"a*"}),
        ("[[]x[]]", {"[x]"}),
        ("[x]", set()),
        ("*", {"a.txt", "b.txt", "a1", "a*", "[x]"}),
        ("**", ALL),
        ("**/*", ALL),
        ("**/**/*", ALL),
        ("**/*.txt", {"a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt"}),
        ("**.txt", {"a.txt", "b.txt"}),
        ("*/*.txt", {"sub/c.txt"}),
        (".*/*", {".dir/f.txt"}),
        ("sub/**", {"c.txt", "deep/d.txt"}),
        ("**/deep/**/*.txt", {"sub/deep/d.txt"}),
        ("**/deep/d.txt", {"sub/deep/d.txt"}),
        ("s*/deep/?.txt", {"sub/deep/d.txt"}),
        ("sub/.deep/*", {"e.txt"}),
        ("../std*.txt", {"stdout.txt", "stderr.txt"}),
        ("../stdout.txt", {"stdout.txt"}),
        (f"{ROOT}/volatile/*", {"s.txt"}),
        ("../../../../../volatile/s.txt", {"s.txt"}),
    ],
)
def test_what_is_meant(node: Path, pattern: str, expected: set[str]) -> None:
    assert set(meant(node, pattern)) == expected


PARTS = (
    "*",
    "**",
    "?",
    "a*",
    "*.txt",
    ".*",
    "[ab].*",
    "[!a]*",
    "[a-c]?",
    "a[*]",
    "[[]x[]]",
    "sub",
    "s*",
    "deep",
)


def test_any_pattern_means_what_it_means_elsewhere(node: Path) -> None:
    """The names that Python's `glob` finds, which has the same language."""
    working, dice = node.joinpath(*WORKING), random.Random(1)  # noqa: S311 - no secrets
    for _ in range(1000):
        pattern = "/".join(dice.choices(PARTS, k=dice.randint(1, 4)))
        alike = f"{pattern}/*" if pattern.endswith("**") else pattern
        files = {
            one for one in glob.glob(alike, root_dir=working, recursive=True) if (working / one).is_file()
        }
        assert set(meant(node, pattern).values()) == files, pattern


@pytest.mark.parametrize(
    "pattern", ["/etc/passwd", "/mnt/batch/tasks-of-others/x", ROOT, ".", "../" * 6 + "x", "../../../../.."]
)
def test_no_pattern_leads_out_of_the_root(pattern: str) -> None:
    if pattern == ".":
        assert parse(pattern, WORKING, ROOT).base == WORKING[:-1]
        return
    with pytest.raises(ValueError):  # noqa: PT011 - it says nothing
        parse(pattern, WORKING, ROOT)


def test_variables_are_replaced_first_and_what_is_none_stays() -> None:
    variables = {"NAME": "*.txt", "DIR": "/mnt"}
    assert expanded("$DIR/${NAME}/$NONE/${NONE}/$", variables) == "/mnt/*.txt/$NONE/${NONE}/$"


def test_patterns_that_are_written_for_windows() -> None:
    variables = {"AZ_BATCH_TASK_WORKING_DIR": f"{ROOT}/wd", "NAME": "std"}
    text = r"%az_batch_task_working_dir%\..\%Name%*.txt $NAME %NONE% 100%"
    assert of_windows(expanded(text, variables, is_windows=True)) == (
        f"{ROOT}/wd/../std*.txt $NAME %NONE% 100%"
    )


@pytest.mark.parametrize(
    ("name", "path", "is_wild", "blob"),
    [
        ("out.txt", None, False, "out.txt"),
        ("out.txt", "p/other.txt", False, "p/other.txt"),
        ("sub/c.txt", None, True, "sub/c.txt"),
        ("sub/c.txt", "p", True, "p/sub/c.txt"),
        ("sub/c.txt", "/p/q/", True, "p/q/sub/c.txt"),
        ("sub/c.txt", "/", True, "sub/c.txt"),
        ("b\udcff.txt", "p", True, "p/b�FF.txt"),
    ],
)
def test_what_files_are_called(name: str, path: str | None, is_wild: bool, blob: str) -> None:
    assert blob_name(Found(name, name), path, is_wild=is_wild) == blob


def test_links_are_files_and_lead_into_no_directory(node: Path) -> None:
    working = node.joinpath(*WORKING)
    (working / "to-file").symlink_to("a.txt")
    (working / "to-directory").symlink_to("sub")
    (working / "loop").symlink_to(".")
    (working / "out").symlink_to("/etc")
    assert set(meant(node, "**")) == {*ALL, "to-file", "to-directory", "loop", "out"}
    assert set(meant(node, "to-directory/*.txt")) == {"c.txt"}
    assert meant(node, "to-directory/c.txt").keys() == {"c.txt"}
    with pytest.raises(TreeError):
        meant(node, "out/*")


def test_a_directory_that_became_a_link_is_told_and_left_out(node: Path) -> None:
    """While files are found, as another task may do it."""
    tree, closed, names = Tree(str(node)), list[str](), []
    sub = node.joinpath(*WORKING, "sub")
    for one in found(tree, parse("**/*.txt", WORKING, ROOT), closed.append):
        names.append(one.name)
        if not sub.is_symlink():
            sub.rename(node / "elsewhere")
            sub.symlink_to(node / "elsewhere")
    tree.close()
    assert sorted(names) == ["a.txt", "b.txt"]
    assert closed in ([], ["/".join((*WORKING, "sub/"))])


def test_no_more_directories_are_kept_in_mind_than_can_be(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MAX_WAITING", 3)
    for number in range(5):
        node.joinpath(*WORKING, f"d{number}").mkdir()
    with pytest.raises(TooManyError):
        meant(node, "**")
