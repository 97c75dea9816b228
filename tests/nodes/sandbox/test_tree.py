"""Reading below a root, with the kernel's help and without, among links planted to lead out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchite.link.messages import LAST_MOMENT
from batchite.nodes.sandbox.tree import Tree, TreeError


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_text("secret")
    return directory


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file.txt").write_text("hello")
    (root / "a" / "b" / "deep").write_text("x")
    (root / "to-secret").symlink_to(outside / "secret")
    (root / "to-outside").symlink_to(outside)
    (root / "up").symlink_to("../outside/secret")
    (root / "fds").symlink_to("/proc/self/root")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    return root


@pytest.fixture(params=[True, False], ids=["kernel", "walk"])
def tree(request: pytest.FixtureRequest, root: Path) -> Iterator[Tree]:
    tree = Tree(str(root), kernel=request.param)
    yield tree
    tree.close()


def make_deep(top: Path, name: str, levels: int) -> None:
    """Directories in one another, by descriptors since paths are too short for it."""
    top.mkdir(exist_ok=True)
    directory = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=directory)
        inner = os.open(name, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = inner
    os.close(directory)


def reason(call: object, *arguments: object, **options: object) -> str:
    assert callable(call)
    with pytest.raises(TreeError) as caught:
        call(*arguments, **options)
    return caught.value.reason


def test_status(tree: Tree, root: Path) -> None:
    entry = tree.status("a/file.txt")
    assert (entry.name, entry.is_directory, entry.size) == ("a/file.txt", False, 5)
    assert entry.modified == (root / "a" / "file.txt").stat().st_mtime_ns // 100
    assert entry.mode & 0o777 == (root / "a" / "file.txt").stat().st_mode & 0o777
    assert tree.status("a").is_directory
    assert tree.status("").is_directory


def test_reading(tree: Tree) -> None:
    with os.fdopen(tree.open("a/file.txt"), "rb") as file:
        assert file.read() == b"hello"


def test_listing_one_level(tree: Tree) -> None:
    names = [entry.name for entry in tree.listing("", recursive=False)]
    assert names == ["a"]
    assert [entry.name for entry in tree.listing("a", recursive=False)] == ["b", "file.txt"]


def test_listing_all_levels(tree: Tree) -> None:
    assert [entry.name for entry in tree.listing("", recursive=True)] == [
        "a",
        "a/b",
        "a/b/deep",
        "a/file.txt",
    ]
    assert [entry.name for entry in tree.listing("a", recursive=True)] == ["b", "b/deep", "file.txt"]


@pytest.mark.parametrize("path", ["to-secret", "to-outside/secret", "up", "fds/etc/passwd", "loop"])
def test_links_that_lead_out_are_refused(tree: Tree, outside: Path, path: str) -> None:
    assert reason(tree.open, path) == "outside"
    assert reason(tree.status, path) == "outside"
    assert reason(tree.listing, path, recursive=True) == "outside"


@pytest.mark.parametrize(
    "path", ["../outside/secret", "/etc/passwd", "a/../../outside", "a//file.txt", ".", "a/\0"]
)
def test_paths_that_lead_out_are_refused(tree: Tree, path: str) -> None:
    for call in (tree.open, tree.status):
        assert reason(call, path) == "outside"
    assert reason(tree.delete, path, recursive=True) == "outside"


def test_what_cannot_be_read(tree: Tree) -> None:
    assert reason(tree.open, "a/missing") == "not-found"
    assert reason(tree.open, "a/file.txt/below") == "not-found"
    assert reason(tree.open, "a") == "is-directory"
    assert reason(tree.open, "fifo") == "unreadable"
    assert reason(tree.status, "fifo") == "unreadable"
    assert reason(tree.listing, "missing", recursive=False) == "not-found"


def test_deleting(tree: Tree, root: Path) -> None:
    assert reason(tree.delete, "a", recursive=False) == "not-empty"
    tree.delete("a/file.txt", recursive=False)
    assert not (root / "a" / "file.txt").exists()
    tree.delete("a", recursive=True)
    assert not (root / "a").exists()
    assert reason(tree.delete, "a", recursive=True) == "not-found"
    assert reason(tree.delete, "", recursive=True) == "outside"


def test_deleting_a_link_leaves_its_target(tree: Tree, root: Path, outside: Path) -> None:
    tree.delete("to-outside", recursive=True)
    assert not (root / "to-outside").is_symlink()
    assert reason(tree.delete, "fds/tmp", recursive=True) == "outside"
    assert (outside / "secret").read_text() == "secret"


def test_deleting_a_directory_does_not_follow_links_in_it(tree: Tree, root: Path, outside: Path) -> None:
    (root / "a" / "link").symlink_to(outside)
    tree.delete("a", recursive=True)
    assert (outside / "secret").exists()


def test_names_of_files_from_elsewhere_are_refused(tree: Tree, root: Path, outside: Path) -> None:
    """However many more names such a file has below the root."""
    for name in ("stolen", "a/stolen", "a/b/stolen"):
        os.link(outside / "secret", root / name)
        assert reason(tree.open, name) == "outside"
        assert reason(tree.status, name) == "outside"
    assert [entry.name for entry in tree.listing("", recursive=False)] == ["a"]
    assert [entry.name for entry in tree.listing("a", recursive=True)] == ["b", "b/deep", "file.txt"]
    (outside / "secret").unlink()
    assert tree.status("stolen").size == 6


def test_several_names_below_the_root_are_as_good_as_one(tree: Tree, root: Path) -> None:
    os.link(root / "a" / "file.txt", root / "a" / "b" / "same")
    os.link(root / "a" / "file.txt", root / "same")
    for name in ("a/file.txt", "a/b/same", "same"):
        assert tree.status(name).size == 5
        os.close(tree.open(name))
    assert [entry.name for entry in tree.listing("", recursive=False)] == ["a", "same"]


def test_no_descriptor_of_a_refused_file_is_kept(tree: Tree, root: Path, outside: Path) -> None:
    os.link(outside / "secret", root / "stolen")
    before = len(os.listdir("/proc/self/fd"))
    assert reason(tree.open, "stolen") == "outside"
    assert reason(tree.open, "a") == "is-directory"
    assert len(os.listdir("/proc/self/fd")) <= before


def test_links_that_stay_below_work_with_the_kernel(root: Path) -> None:
    (root / "inside").symlink_to("a/file.txt")
    (root / "inside-directory").symlink_to("a")
    tree = Tree(str(root))
    try:
        assert tree.status("inside").size == 5
        found = {entry.name: entry.is_directory for entry in tree.listing("", recursive=True)}
    finally:
        tree.close()
    assert found["inside"] is False
    assert found["inside-directory"] is True
    assert "inside-directory/file.txt" not in found


def test_trees_deeper_than_a_path_is_long(tree: Tree, root: Path) -> None:
    """What cannot be asked for by its path is not listed."""
    descriptors = len(os.listdir("/proc/self/fd"))
    make_deep(root / "a" / "b", "d" * 60, 1200)
    listed = tree.listing("a", recursive=True)
    assert 50 < len(listed) < 100
    assert max(len(entry.name) for entry in listed) < 4096
    tree.delete("a", recursive=True)
    assert not (root / "a").exists()
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_trees_deeper_than_a_program_recurses(root: Path) -> None:
    tree = Tree(str(root))
    make_deep(root / "thin", "d", 1200)
    assert len(tree.listing("thin", recursive=True)) == 1200
    tree.delete("thin", recursive=True)  # the test's own directory is removed by recursion
    tree.close()


def test_times_that_no_answer_can_write(tree: Tree, root: Path) -> None:
    for seconds in (-(2**33), 2**33, 2**40):
        os.utime(root / "a" / "file.txt", (seconds, seconds))
        modified = tree.status("a/file.txt").modified
        assert 0 <= modified <= LAST_MOMENT


def test_names_that_are_no_text(tree: Tree, root: Path) -> None:
    (root / "a" / os.fsdecode(b"\xff")).write_text("x")
    assert "�FF" in {entry.name for entry in tree.listing("a", recursive=False)}
