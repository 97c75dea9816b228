"""Archives of root file systems, among them those that nobody should unpack."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from batchite.images.errors import ImageError
from batchite.images.unpacking import unpack

ME = {"uid": os.getuid(), "gid": os.getgid()}


def member(name: str, kind: bytes = tarfile.REGTYPE, **values: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in {**ME, **values}.items():
        setattr(info, key, value)
    return info


def archive(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], mode: str = "w") -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:  # type: ignore[call-overload]
        for one in members:
            info, data = one if isinstance(one, tuple) else (one, b"")
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    out.seek(0)
    return out


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    place = tmp_path / "tree"
    place.mkdir()
    return place


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_files_links_and_modes(tree: Path, mode: str) -> None:
    made = archive(
        member("./", tarfile.DIRTYPE, mode=0o750),
        member("./usr/bin", tarfile.DIRTYPE),
        (member("./usr/bin/su", mode=0o4755, mtime=1_000_000_000), b"program"),
        member("./bin", tarfile.SYMTYPE, linkname="usr/bin"),
        member("./etc/passwd-link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("./usr/bin/su2", tarfile.LNKTYPE, linkname="./usr/bin/su"),
        mode=mode,
    )
    filled = unpack(made, tree)
    assert (filled.files, filled.bytes) == (6, 7)
    status = (tree / "usr/bin/su").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime, status.st_nlink) == (0o4755, 1_000_000_000, 2)
    assert os.readlink(tree / "bin") == "usr/bin"
    assert os.readlink(tree / "etc/passwd-link") == "/etc/passwd"
    assert stat.S_IMODE(tree.stat().st_mode) == 0o750


def test_devices_pipes_and_the_like_are_left_out(tree: Path) -> None:
    kinds = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    unpack(archive(*(member(f"dev/{number}", kind) for number, kind in enumerate(kinds))), tree)
    assert list(tree.rglob("*")) == []


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([member("/etc/x")], "the name '/etc/x' leads out"),
        ([member("a/../../x")], "the name 'a/../../x' leads out"),
        ([member("..", tarfile.DIRTYPE)], "leads out"),
        ([member("a", tarfile.LNKTYPE, linkname="../outside/x")], "leads out"),
        ([member("a", tarfile.LNKTYPE, linkname="/etc/passwd")], "leads out"),
        ([member("a", tarfile.LNKTYPE, linkname="none")], "another name of 'none'"),
        ([member("a", tarfile.SYMTYPE, linkname="../outside"), member("a/x")], "'a' on the way to it"),
        ([member("a", tarfile.SYMTYPE, linkname="../outside"), member("a", tarfile.DIRTYPE)], "'a' on the"),
        (
            [
                member("a", tarfile.SYMTYPE, linkname="/etc"),
                member("b", tarfile.LNKTYPE, linkname="a/passwd"),
            ],
            "'a' on the way to it",
        ),
        ([member("a"), member("a/x")], "'a' on the way to it"),
        ([member("a", tarfile.DIRTYPE), member("a")], "a directory of that name"),
        ([member("a", uid=100_000)], "it belongs to 100000:"),
    ],
)
def test_what_leads_out_is_refused(tree: Path, members: list[tarfile.TarInfo], why: str) -> None:
    with pytest.raises(ImageError, match=r"the archive is refused at .*docker export") as caught:
        unpack(archive(*members), tree)
    assert why in str(caught.value)
    assert os.listdir(tree.parent / "outside") == []


def test_a_link_that_is_written_over_is_not_written_through(tree: Path) -> None:
    target = tree.parent / "outside" / "x"
    target.write_text("mine")
    unpack(archive(member("x", tarfile.SYMTYPE, linkname=str(target)), (member("x"), b"theirs")), tree)
    assert target.read_text() == "mine"
    assert (tree / "x").read_text() == "theirs"


@pytest.mark.parametrize(
    "content", [b"", b"no tar at all", b"\x1f\x8b" + b"x" * 600, archive(member("a")).read()[:300]]
)
def test_what_is_no_archive(tree: Path, content: bytes) -> None:
    with pytest.raises(ImageError, match=r"the archive cannot be read: .*; give a tar file"):
        unpack(io.BytesIO(content), tree)
