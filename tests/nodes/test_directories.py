from __future__ import annotations

import pytest

from batchite.nodes.directories import NodeDirectories

ROOT = "/mnt/batch/tasks"


def test_tasks_of_jobs_and_of_jobs_of_schedules() -> None:
    directories = NodeDirectories(ROOT)
    assert directories.task("job", "task").path == f"{ROOT}/workitems/job/job-1/task"
    assert directories.task("nightly:job-7", "task").working == f"{ROOT}/workitems/nightly/job-7/task/wd"
    assert directories.start_task.working == f"{ROOT}/startup/wd"


@pytest.mark.parametrize(
    ("job", "names"), [("job", ("workitems", "job")), ("nightly:job-7", ("workitems", "nightly", "job-7"))]
)
def test_what_is_a_jobs(job: str, names: tuple[str, ...]) -> None:
    """Nothing of another job of the same schedule."""
    assert NodeDirectories(ROOT).job(job) == names


@pytest.mark.parametrize(
    ("job", "task"), [("..", "t"), ("j", ".."), ("a/b", "t"), ("j:", "t"), ("j", ""), ("j:a:b", "t")]
)
def test_ids_that_name_no_directory(job: str, task: str) -> None:
    with pytest.raises(ValueError, match="id"):
        NodeDirectories(ROOT).task(job, task)


@pytest.mark.parametrize("job", ["..", "a/b", "j:", "j:a:b"])
def test_jobs_that_name_no_directory(job: str) -> None:
    with pytest.raises(ValueError, match="id"):
        NodeDirectories(ROOT).job(job)
