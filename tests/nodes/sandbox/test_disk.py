"""What the agent writes of a node's tree, with the kernel's help on the way down and without."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.nodes.sandbox.hosted import USER

from batchite.machine import openat2
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import User
from batchite.nodes.sandbox.disk import Disk

DOCUMENTED = ("applications", "fsmounts", "shared", "volatile", "startup", "startup/wd", "workitems")
ROOT = User("root", "PoolAdmin", is_admin=True)
RUN = ("workitems", "job", "job-1", "task")
A_LINK = "Not a directory|symbolic links"


@pytest.fixture(params=[True, False], ids=["openat2", "walking"], autouse=True)
def _kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(openat2, "is_there", lambda: False)


@pytest.fixture
def given() -> list[tuple[str, User]]:
    """What was made for whom, in this order."""
    return []


@pytest.fixture
async def disk(tmp_path: Path, given: list[tuple[str, User]]) -> AsyncIterator[Disk]:
    def give(descriptor: int, user: User) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        given.append((str(path.relative_to(tmp_path.resolve())), user))

    with inside.opened(inside.top(str(tmp_path))) as top:
        disk = Disk(top, give)
    yield disk
    disk.close()


@pytest.mark.parametrize("depth", range(1, 5))
async def test_links_on_the_way_are_not_followed(disk: Disk, tmp_path: Path, depth: int) -> None:
    disk.prepare(RUN, USER)
    elsewhere = tmp_path / "elsewhere"
    for beyond in range(1, 5):
        elsewhere.joinpath(*RUN[beyond:], "wd").mkdir(parents=True, exist_ok=True)
    before = sorted(elsewhere.rglob("*"))
    planted = tmp_path.joinpath("root", *RUN[:depth])
    planted.rename(tmp_path / "real")
    planted.symlink_to(elsewhere)
    with pytest.raises(OSError, match=A_LINK):
        disk.open(RUN, USER)
    with pytest.raises(OSError, match=A_LINK):
        disk.landing(RUN, USER)
    if depth == len(RUN):
        disk.prepare(RUN, USER)
        assert not planted.is_symlink()
    else:
        with pytest.raises(OSError, match=A_LINK):
            disk.prepare(RUN, USER)
        with pytest.raises(OSError, match=A_LINK):
            disk.discard(RUN)
    assert sorted(elsewhere.rglob("*")) == before


async def test_what_is_made_for_a_user_is_his(disk: Disk, given: list[tuple[str, User]]) -> None:
    """And above it the node's. A directory on the way that was there already stays whose it is."""
    run = "/".join(("root", *RUN))
    assert [path for path, user in given if user.is_admin] == [f"root/{name}" for name in DOCUMENTED]
    given.clear()
    disk.prepare(RUN, USER)
    assert given[:2] == [("root/workitems/job", ROOT), ("root/workitems/job/job-1", ROOT)]
    del given[:2]
    for descriptor in disk.open(RUN, USER):
        os.close(descriptor)
    landing = disk.landing(RUN, USER)
    for name in ("one", "two"):
        os.close(landing.create(["in", "deep", name], 0o600))
    landing.close()
    names = ["wd", "", "stdout.txt", "stderr.txt", "wd/in", "wd/in/deep", "wd/in/deep/one", "wd/in/deep/two"]
    assert given == [(f"{run}/{name}".rstrip("/"), USER) for name in names]


async def test_a_file_that_cannot_be_given_is_refused(disk: Disk) -> None:
    before = len(os.listdir("/proc/self/fd"))

    def give(_descriptor: int, _user: User) -> None:
        raise PermissionError

    disk.prepare(RUN, USER)
    landing = disk.landing(RUN, USER)
    landing._give = give
    for names in (["file"], ["in", "file"]):
        with pytest.raises(PermissionError):
            landing.create(names, 0o600)
    landing.close()
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_notes_beside_output_files(disk: Disk, tmp_path: Path, given: list[tuple[str, User]]) -> None:
    """The one before keeps its content under another name, and a link is not followed."""
    disk.prepare(RUN, USER)
    run = tmp_path.joinpath("root", *RUN)
    (tmp_path / "target").write_text("of another")
    (run / "note.txt").symlink_to(tmp_path / "target")
    for text in (b"one", b"two"):
        with inside.opened(disk.note(RUN, "note.txt", USER)) as descriptor:
            os.write(descriptor, text)
    assert given[-1] == ("/".join(("root", *RUN, "note.txt")), USER)
    assert [(run / name).read_text() for name in ("note.txt", "note.txt.1")] == ["two", "one"]
    assert (tmp_path / "target").read_text() == "of another"
