"""Removing what strangers left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchite.machine.removal import remove


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "a" / "b" / "c").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    (tree / "a" / "b" / "c" / "file").write_text("x")
    return tree


def test_all_of_it_goes_and_nothing_else(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (tree / "a" / "to-directory").symlink_to(outside)
    (tree / "a" / "b" / "to-file").symlink_to(outside / "kept")
    os.mkfifo(tree / "a" / "fifo")
    remove(str(tree))
    assert sorted(os.listdir(tmp_path)) == ["outside"]
    assert (outside / "kept").read_text() == "x"


def test_a_link_is_no_directory(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    with pytest.raises(NotADirectoryError):
        remove(str(tmp_path / "link"))
    with pytest.raises(FileNotFoundError):
        remove(str(tmp_path / "nothing"))
    assert (tree / "a" / "file").exists()


def test_what_was_closed_to_everybody(tree: Path) -> None:
    for directory in (tree / "a" / "b" / "c", tree / "a" / "b", tree / "a", tree):
        directory.chmod(0)
    remove(str(tree))
    assert not tree.exists()


def test_by_the_descriptor_of_the_directory_it_is_in(tree: Path, tmp_path: Path) -> None:
    parent = os.open(tmp_path, os.O_RDONLY)
    remove("tree", dir_fd=parent)
    os.close(parent)
    assert not tree.exists()
