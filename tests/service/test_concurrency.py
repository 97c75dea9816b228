"""Many clients at once that add, end and delete; afterwards everything adds up."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azure.batch import models
from azure.core.exceptions import HttpResponseError
from tests.service.house import House, make_task, sh, until

COMMANDS = ("true", "false", sh("sleep 0.05"), sh("exit 2"))
EXPECTED = {"TaskNotFound", "TaskCompleted", "JobNotFound", "JobBeingDeleted"}


class Clients:
    """What they do to a few jobs, and what they know of it."""

    def __init__(self, house: House, pool_id: str) -> None:
        self.house = house
        self.random = random.Random(1)  # noqa: S311
        modes = ("noaction", "terminatejob", "noaction", "terminatejob")
        self.added: dict[str, set[str]] = {
            house.add_job(pool_id, all_tasks_complete_mode=mode): set() for mode in modes
        }
        self.deleted: set[str] = set()
        self.deleted_jobs: set[str] = set()
        self.refusals: set[str] = set()

    def act(self, number: int) -> None:
        """One request to any of the jobs."""
        job_id = self.random.choice(list(self.added))
        actions: list[Callable[[str], None]] = [self.add, self.terminate, self.delete, self.delete]
        if number == 120:
            actions = [self.delete_job]
        try:
            self.random.choice(actions)(job_id)
        except HttpResponseError as error:
            self.refusals.add(error.model.code)

    def add(self, job_id: str) -> None:
        slots = (1, 1, 2, 4)
        tasks = [
            make_task(self.random.choice(COMMANDS), required_slots=self.random.choice(slots))
            for _ in range(9)
        ]
        results = self.house.add_tasks(job_id, tasks)
        self.added[job_id] |= {each.task_id for each in results if each.status == "success"}

    def terminate(self, job_id: str) -> None:
        self.house.batch.terminate_task(job_id, self.any_task(job_id))

    def delete(self, job_id: str) -> None:
        task_id = self.any_task(job_id)
        self.house.batch.delete_task(job_id, task_id)
        self.deleted.add(task_id)

    def delete_job(self, job_id: str) -> None:
        self.house.batch.begin_delete_job(job_id)
        self.deleted_jobs.add(job_id)

    def any_task(self, job_id: str) -> str:
        return self.random.choice(sorted(self.added[job_id]) or ["none"])


def test_everything_adds_up_in_the_end(house: House, pool: str, tmp_path: Path) -> None:
    clients = Clients(house, pool)
    gate = tmp_path / "gate"  # no job is to end before all clients are done
    held = {
        job_id: house.add_task(job_id, sh(f"until test -e {gate}; do sleep 0.05; done"))
        for job_id in clients.added
    }
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(clients.act, range(160)))
    gate.touch()
    assert clients.refusals <= EXPECTED
    for job_id, added in clients.added.items():
        if job_id in clients.deleted_jobs:
            until(lambda job_id=job_id: house.job_is_gone(job_id), bool, f"{job_id} gone")  # type: ignore[misc]
        else:
            check(house, job_id, (added - clients.deleted) | {held[job_id]})
    for node in house.wait_for_nodes(pool, "idle", 2):
        assert (node.running_tasks_count, node.running_task_slots_count) == (0, 0)


def check(house: House, job_id: str, expected: set[str]) -> None:
    """All tasks of the job are over, exactly these are left, and the counts say so."""
    tasks = house.wait_for_all(job_id)
    if house.batch.get_job(job_id).all_tasks_complete_mode == "terminatejob":
        house.wait_for_job(job_id)
    assert {task.id for task in tasks} == expected
    assert {task.state for task in tasks} <= {models.BatchTaskState.COMPLETED}
    results = Counter(str(task.execution_info.result.value) for task in tasks)
    counts = house.batch.get_job_task_counts(job_id).task_counts
    assert (results["success"], results["failure"]) == (counts.succeeded, counts.failed)
    until(
        lambda: {path.name for path in house.data_dir.glob(f"nodes/*/root/workitems/{job_id}/job-1/*")},
        lambda left: left <= expected,
        "the directories of deleted tasks gone",
    )
