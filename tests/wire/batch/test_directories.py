import pytest

from batchite.wire.batch.directories import of_job, of_task


@pytest.mark.parametrize(
    ("job", "names"),
    [("job", ("workitems", "job", "job-1")), ("nightly:job-7", ("workitems", "nightly", "job-7"))],
)
def test_jobs_and_their_tasks_have_their_place(job: str, names: tuple[str, ...]) -> None:
    assert of_job(job) == names
    assert of_task(job, "t") == (*names, "t")
