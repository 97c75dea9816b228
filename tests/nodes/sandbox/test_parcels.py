"""Packages become directories of a node's tree as a whole or not at all."""

from __future__ import annotations

import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batchite.machine.zips import ZipError
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import User
from batchite.nodes.sandbox.disk import Disk

TARGET = ("applications", "tool-1-0123")
KILLED = """
import asyncio, os, signal, sys
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.disk import Disk
from batchite.nodes.sandbox.parcels import Parcel
def die(*_):
    print(sorted(os.listdir(sys.argv[1] + "/waste")), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
Parcel._move = die
async def main():
    parcel = Disk(inside.top(sys.argv[1])).parcel(("applications", "tool-1-0123"))
    os.write(parcel.archive, sys.stdin.buffer.read())
    parcel.unpack(0)
asyncio.run(main())
"""


@pytest.fixture
def given() -> list[str]:
    """What was made the node's own."""
    return []


@pytest.fixture
async def disk(tmp_path: Path, given: list[str]) -> AsyncIterator[Disk]:
    def give(descriptor: int, user: User) -> None:
        if user.is_admin:
            given.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))

    with inside.opened(inside.top(str(tmp_path))) as top:
        disk = Disk(top, give)
    yield disk
    disk.close()


def archive(**modes: int | str) -> bytes:
    """Files of these modes, and links to what is given."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, given in modes.items():
            info = zipfile.ZipInfo(name.replace("__", "/"))
            info.external_attr = (given if isinstance(given, int) else stat.S_IFLNK | 0o777) << 16
            made.writestr(info, f"of {name}" if isinstance(given, int) else given)
    return content.getvalue()


def unpack(disk: Disk, content: bytes, reserved: int = 0) -> None:
    parcel = disk.parcel(TARGET)
    try:
        os.write(parcel.archive, content)
        parcel.unpack(reserved)
    finally:
        parcel.close()


async def test_all_is_there_readable_and_the_nodes_own(disk: Disk, tmp_path: Path, given: list[str]) -> None:
    assert not disk.has(TARGET)
    given.clear()
    unpack(disk, archive(bin__tool=0o104700, text=0o100600))
    assert disk.has(TARGET)
    place = tmp_path.joinpath("root", *TARGET)
    modes = {str(path.relative_to(place)): stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*")}
    assert modes == {"bin": 0o755, "bin/tool": 0o755, "text": 0o644}
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    assert (place / "bin/tool").read_text() == "of bin__tool"
    assert sorted(given) == ["bin", "text", "tool", "tree"]


async def test_links_lead_to_what_is_beside_them(disk: Disk, tmp_path: Path, given: list[str]) -> None:
    """In an archive that has them before what they lead to, and before the directories that they lie in."""
    links = {"lib64": "lib", "bin__tool": "../lib64/tool", "lib__tool": "tool.1", "empty__up": ".."}
    unpack(disk, archive(**links, **{"lib__tool.1": 0o100755}))
    place = tmp_path.joinpath("root", *TARGET)
    found = {name.replace("__", "/"): os.readlink(place / name.replace("__", "/")) for name in links}
    assert found == {name.replace("__", "/"): target for name, target in links.items()}
    assert (place / "bin/tool").read_text() == "of lib__tool.1"
    assert {"lib", "bin", "empty"} <= set(given), "directories are the node's own, whatever is in them"


async def test_links_are_of_the_owner_of_their_directory(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "chown", lambda name, user, group, **_: owners.append((name, user, group)))
    unpack(disk, archive(a=0o100644, l="a"))
    assert owners == [("l", os.getuid(), os.getgid())]


async def test_what_is_refused_leaves_nothing(disk: Disk, tmp_path: Path) -> None:
    for content in (
        b"no zip",
        archive(a="/etc"),
        archive(a="a/../..", b=0o100644),
        archive(a=0o100644).replace(b"of a", b"of b", 1),
    ):
        with pytest.raises(ZipError):
            unpack(disk, content)
    with pytest.raises(OSError, match="No space left"):
        unpack(disk, archive(a=0o100644), reserved=1 << 60)
    assert os.listdir(tmp_path / "root/applications") == []


@pytest.mark.parametrize("kind", ["link", "file", "directory"])
async def test_what_was_planted_in_its_place_goes(disk: Disk, tmp_path: Path, kind: str) -> None:
    place, elsewhere = tmp_path.joinpath("root", *TARGET), tmp_path / "elsewhere"
    elsewhere.mkdir()
    parcel = disk.parcel(TARGET)
    os.write(parcel.archive, archive(a=0o100644))
    if kind == "link":
        place.symlink_to(elsewhere)
        assert not disk.has(TARGET)
    elif kind == "file":
        place.write_text("planted")
    else:
        place.mkdir()
        (place / "planted").write_text("planted")
    parcel.unpack(0)
    parcel.close()
    assert not place.is_symlink()
    assert os.listdir(place) == ["a"]
    assert os.listdir(elsewhere) == []


async def test_a_kill_before_it_is_moved_leaves_nothing_to_be_taken_for_it(tmp_path: Path) -> None:
    content = archive(bin__tool=0o100755)
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(words, input=content, stdout=subprocess.PIPE)  # noqa: ASYNC221 - it is short
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.decode() == f"{sorted(os.listdir(tmp_path / 'waste'))}\n" != "[]\n"
    assert os.listdir(tmp_path / "root/applications") == []
    with inside.opened(inside.top(str(tmp_path))) as top:
        disk = Disk(top)
    assert not disk.has(TARGET)
    unpack(disk, content)
    assert disk.has(TARGET)
    disk.close()
