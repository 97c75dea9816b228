from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from batchite.machine import openat2
from batchite.nodes.directories import NodeDirectories

A_LINK = "Not a directory|symbolic links"


@pytest.fixture
def directories(tmp_path: Path) -> NodeDirectories:
    found = NodeDirectories(str(tmp_path))
    found.create()
    return found


def test_the_documented_layout(directories: NodeDirectories, tmp_path: Path) -> None:
    names = {path.name for path in (tmp_path / "root").iterdir()}
    assert names == {"applications", "fsmounts", "shared", "startup", "volatile", "workitems"}
    assert (tmp_path / "root" / "startup" / "wd").is_dir()


def test_what_tasks_left_in_place_of_the_documented_directories_is_moved_away(
    directories: NodeDirectories, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    root = tmp_path / "root"
    for name, target in (("shared", elsewhere), ("volatile", "nowhere"), ("startup", elsewhere)):
        shutil.rmtree(root / name)
        (root / name).symlink_to(target)
    (root / "applications").rmdir()
    (root / "applications").touch()
    directories.create()
    assert all(path.is_dir() and not path.is_symlink() for path in root.iterdir())
    assert (root / "startup" / "wd").is_dir()
    assert list(elsewhere.iterdir()) == []


def test_tasks_of_jobs_and_of_jobs_of_schedules(directories: NodeDirectories) -> None:
    work = directories.root + "/workitems"
    assert directories.task("job", "task").path == f"{work}/job/job-1/task"
    assert directories.task("nightly:job-7", "task").path == f"{work}/nightly/job-7/task"


def test_what_is_removed_of_a_job(directories: NodeDirectories) -> None:
    for job in ("job", "nightly:job-7", "nightly:job-8"):
        directories.prepare(directories.task(job, "task"))
    assert directories.discard_job("job") is not None
    assert directories.discard_job("nightly:job-7") is not None
    assert directories.discard_job("nightly:job-7") is None
    assert directories.discard_task("nightly:job-8", "other") is None
    work = Path(directories.root + "/workitems")
    left = sorted(str(path.relative_to(work)) for path in work.rglob("*"))
    assert left == ["nightly", "nightly/job-8", "nightly/job-8/task", "nightly/job-8/task/wd"]
    assert directories.discard_task("nightly:job-8", "task") is not None
    assert list((work / "nightly" / "job-8").iterdir()) == []


@pytest.mark.parametrize(
    ("job", "task"), [("..", "t"), ("j", ".."), ("a/b", "t"), ("j:", "t"), ("j", ""), ("j:a:b", "t")]
)
def test_ids_that_name_no_directory(directories: NodeDirectories, job: str, task: str) -> None:
    with pytest.raises(ValueError, match="id"):
        directories.task(job, task)


def test_what_was_there_is_moved_away(directories: NodeDirectories) -> None:
    run = directories.task("job", "task")
    assert directories.prepare(run) is None
    Path(run.working, "old").touch()
    waste = directories.prepare(run)
    assert waste is not None
    assert Path(waste, "wd", "old").exists()
    assert list(Path(run.path).rglob("*")) == [Path(run.working)]


@pytest.mark.parametrize("kernel", [True, False], ids=["openat2", "walking"])
@pytest.mark.parametrize(
    "place", ["workitems", "workitems/job", "workitems/job/job-1", "workitems/job/job-1/task"]
)
def test_links_on_the_way_are_not_followed(
    directories: NodeDirectories, tmp_path: Path, place: str, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to make a run's directories, nor to open its files, nor to move what was there away."""
    if not kernel:
        monkeypatch.setattr(openat2, "is_there", lambda: False)
    run = directories.task("job", "task")
    directories.prepare(run)
    elsewhere = tmp_path / "elsewhere"
    for path in ("job/job-1/task/wd", "job-1/task/wd", "task/wd", "wd"):
        (elsewhere / path).mkdir(parents=True, exist_ok=True)
    before = sorted(elsewhere.rglob("*"))
    planted = Path(directories.root, place)
    shutil.move(planted, tmp_path / "real")
    planted.symlink_to(elsewhere)
    with contextlib.ExitStack() as files, pytest.raises(OSError, match=A_LINK):
        run.open(files)
    if place == "workitems/job/job-1/task":
        assert directories.prepare(run) is not None
        assert not planted.is_symlink()
    else:
        with pytest.raises(OSError, match=A_LINK):
            directories.prepare(run)
        with pytest.raises(OSError, match=A_LINK):
            directories.discard_task("job", "task")
    assert sorted(elsewhere.rglob("*")) == before
