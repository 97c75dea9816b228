import pytest

from batchite.wire.batch.directories import of_job, of_path, of_task


@pytest.mark.parametrize(
    ("job", "names"),
    [
        ("job", ("workitems", "job", "job-1")),
        ("nightly:job-1", ("workitems", "nightly", "job-1")),
        ("nightly:job-7", ("workitems", "nightly", "job-7")),
    ],
)
def test_jobs_and_their_tasks_have_their_place(job: str, names: tuple[str, ...]) -> None:
    assert of_job(job) == names
    assert of_task(job, "t") == (*names, "t")
    found = of_path("/".join((*names, "t", "wd", "file")))
    assert found is not None
    assert job in found[0]
    assert found[1] == "t"


@pytest.mark.parametrize(
    "path", ["", "startup/wd/file", "workitems/job/job-1", "workitems", "shared/a/b/c/d"]
)
def test_what_is_in_no_directory_of_a_task(path: str) -> None:
    assert of_path(path) is None
