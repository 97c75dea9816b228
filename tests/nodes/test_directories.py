from __future__ import annotations

from pathlib import Path

import pytest

from batchite.nodes.directories import NodeDirectories


@pytest.fixture
def directories(tmp_path: Path) -> NodeDirectories:
    found = NodeDirectories(str(tmp_path))
    found.create()
    return found


def test_the_documented_layout(directories: NodeDirectories, tmp_path: Path) -> None:
    names = {path.name for path in (tmp_path / "root").iterdir()}
    assert names == {"applications", "fsmounts", "shared", "volatile", "workitems"}
    directories.prepare(directories.start_task())
    assert (tmp_path / "root" / "startup" / "wd").is_dir()


def test_tasks_of_jobs_and_of_jobs_of_schedules(directories: NodeDirectories) -> None:
    work = directories.workitems
    assert directories.task("job", "task").path == f"{work}/job/job-1/task"
    assert directories.task("nightly:job-7", "task").path == f"{work}/nightly/job-7/task"
    assert directories.job_root("job") == f"{work}/job"
    assert directories.job_root("nightly:job-7") == f"{work}/nightly/job-7"


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
