"""The part of a node's hosts file that is ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from batchite.nodes.sandbox import hosts
from batchite.nodes.sandbox.hosts import BEGINNING, END, with_lines

OWN = "127.0.0.1\tlocalhost\n"
OURS = f"{BEGINNING}\n127.64.0.1\tfilms\n{END}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", OURS),
        (OWN, OWN + OURS),
        (OWN.rstrip(), OWN + OURS),
        (OWN + OURS, OWN + OURS),
        (OWN + OURS.replace("films", "before") + "10.0.0.1\tmine\n", OWN + OURS + "10.0.0.1\tmine\n"),
        (f"{OWN}{BEGINNING}\n10.0.0.1\tmine\n", OWN + OURS + "10.0.0.1\tmine\n"),
    ],
    ids=["empty", "new", "no line's end", "same", "others", "no end"],
)
def test_our_lines_take_the_place_of_ours_and_of_nobody_s(text: str, expected: str) -> None:
    assert with_lines(text, ["127.64.0.1\tfilms"]) == expected


def test_without_lines_nothing_of_ours_stays() -> None:
    assert with_lines(OWN + OURS + "10.0.0.1\tmine\n", []) == OWN + "10.0.0.1\tmine\n"
    assert with_lines(OWN, []) == OWN


def test_the_file_is_replaced_with_its_rights_and_only_if_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(OWN.encode() + b"\xff\r\n")
    path.chmod(0o640)
    hosts.keep(["127.64.0.1\tfilms"], str(path))
    assert path.read_bytes() == OWN.encode() + b"\xff\r\n" + OURS.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    before = path.stat()
    hosts.keep(["127.64.0.1\tfilms"], str(path))
    assert path.stat() == before
    assert os.listdir(tmp_path) == ["hosts"]


def test_a_file_that_is_missing_is_made(tmp_path: Path) -> None:
    hosts.keep(["127.64.0.1\tfilms"], str(tmp_path / "hosts"))
    assert (tmp_path / "hosts").read_text() == OURS
    hosts.keep([], str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "long"])
def test_what_a_node_has_put_in_its_place_stays(tmp_path: Path, kind: str) -> None:
    """Nor does anybody wait for it."""
    path, other = tmp_path / "hosts", tmp_path / "other"
    other.write_text("other")
    match kind:
        case "link":
            path.symlink_to(other)
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case _:
            path.write_bytes(b"\n" * (1 << 21))
    before = os.lstat(path)
    hosts.keep(["127.64.0.1\tfilms"], str(path))
    assert os.lstat(path) == before
    assert other.read_text() == "other"
