"""How much disk a directory takes, that tasks may have filled with anything."""

from __future__ import annotations

import os
from pathlib import Path

from batchite.nodes.sandbox import use

FILE = 1 << 20


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * FILE)


def megabytes(directory: Path) -> int | None:
    taken = use.taken(str(directory))
    return None if taken is None else taken // FILE


def test_all_that_is_in_it_is_counted_once(tmp_path: Path) -> None:
    write(tmp_path / "node" / "a")
    write(tmp_path / "node" / "b" / "c" / "d")
    os.link(tmp_path / "node" / "a", tmp_path / "node" / "b" / "same")
    assert megabytes(tmp_path / "node") == 2


def test_no_link_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "large")
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "directory").symlink_to(tmp_path / "outside")
    (tmp_path / "node" / "file").symlink_to(tmp_path / "outside" / "large")
    (tmp_path / "node" / "circle").symlink_to(".")
    assert megabytes(tmp_path / "node") == 0


def test_of_very_many_files_nothing_is_told(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"directory{number % 2}").mkdir(exist_ok=True)
        (tmp_path / f"directory{number % 2}" / str(number)).touch()
    assert use.taken(str(tmp_path), most=6) is None
    assert use.taken(str(tmp_path), most=7) is not None


def test_what_lies_too_deep_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=deep)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)
    assert use.taken(str(tmp_path)) is None


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert use.taken(str(tmp_path / "none")) is None
