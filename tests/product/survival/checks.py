"""What has to hold when everything is over."""

from __future__ import annotations

from collections import Counter
from functools import partial

from azure.batch import models as m
from azure.core.exceptions import ResourceNotFoundError
from tests.product.survival.house import House, until
from tests.product.survival.ordeal import Ordeal
from tests.product.survival.pools import node_ids


def check_wishes(it: Ordeal) -> None:
    """What was terminated or deleted has ended, and every other job ended with its tasks."""
    for job in it.load.jobs:
        wish = it.load.wishes.jobs.get(job)
        until(partial(is_over, it, job, deleted=wish == "delete"), f"{job} ends ({wish})")
        if wish is None:
            info = it.client.get_job(job).execution_info
            assert info is not None
            assert info.scheduling_error is None
            assert info.termination_reason == "AllTasksComplete"


def is_over(it: Ordeal, job: str, *, deleted: bool) -> bool:
    try:
        return it.client.get_job(job).state == "completed" and not deleted
    except ResourceNotFoundError:
        assert deleted, f"{job} is gone"
        return True


def check_records(it: Ordeal) -> None:
    """Every task is recorded as it ended, once, with its own exit code; counts and lists say the same."""
    load = it.load
    for job in load.jobs:
        wish = load.wishes.jobs.get(job)
        if wish == "delete":
            continue
        listed = list(it.client.list_tasks(job))
        check_counts(it, job, listed)
        states = {task.id or "": task.state for task in listed}
        assert len(states) == len(listed), f"{job} has a task twice"
        added = {task for task, of in load.job_of.items() if of == job}
        gone = {task for task in added if load.wishes.tasks.get(task) == "delete"}
        assert states.keys() == added - gone
        assert set(states.values()) <= ({"completed", "active"} if wish else {"completed"}), job
    spared = {task: load.reported[task] for task in load.spared()}
    otherwise = {task: done for task, done in spared.items() if done.exit_code != load.expected[task]}
    assert otherwise == {}, [
        (load.expected[task], it.client.get_task(load.job_of[task], task), it.toll.runs(task))
        for task in otherwise
    ]
    assert all(completion.retries == 0 for completion in spared.values())
    errors = {completion.error for completion in spared.values()}
    assert errors <= {"", "FailureExitCode"}, "something but a command failed, such as an upload"


def check_counts(it: Ordeal, job: str, listed: list[m.BatchTask]) -> None:
    counts = it.client.get_job_task_counts(job).task_counts
    states = Counter(task.state for task in listed)
    results = Counter(task.execution_info.result for task in listed if task.execution_info)
    told = (counts.active, counts.running, counts.completed, counts.succeeded, counts.failed)
    shown = (states["active"], states["running"], states["completed"], results["success"], results["failure"])
    assert told == shown, f"the counts of {job} are not those of its list"


def check_runs(it: Ordeal) -> None:
    """Every task ran; it ran again only where its node had died or was sent home, and never after it was
    reported. None ever ran twice at a time."""
    for task in it.load.expected:
        runs = it.toll.runs(task)
        assert all(run.alone for run in runs), f"{task} ran twice at a time: {runs}"
        if task not in it.load.reported or not it.load.wishes.spare(task, it.load.job_of[task]):
            continue
        assert runs, f"{task} never ran"
        *earlier, last = runs
        excused = [
            run.node in it.house.killed_nodes or (task, run.pid, run.boot) in it.sent_home for run in earlier
        ]
        assert all(excused), f"{task} ran again: {runs}"
        assert last.code == it.load.expected[task]
        assert last.node == it.load.reported[task].node, f"{task} ran again after its completion: {runs}"


def check_nodes(it: Ordeal) -> None:
    """Every node that ran tasks of a job was released from it, unless it had gone, and once, unless it had
    been ended meanwhile. That tasks ran after preparation only, their exit codes say."""
    nodes = node_ids(it.client)
    lasting = nodes - it.house.killed_nodes
    for job in it.load.jobs:
        released = Counter(it.toll.nodes_around(job, "release-end"))
        prepared = set(it.toll.nodes_around(job, "prepare-end"))
        assert released.keys() <= prepared
        assert all(released[node] <= 1 + it.stops for node in lasting), (job, released)
        if it.load.wishes.jobs.get(job) == "delete":
            continue
        listed = list(it.client.list_job_preparation_and_release_task_status(job))
        states = {one.node_id: one.job_release_task_execution_info for one in listed}
        assert len(states) == len(listed), f"{job} has a node twice"
        assert all(info is None or info.state == "completed" for info in states.values())
        ran = {run.node for task, of in it.load.job_of.items() if of == job for run in it.toll.runs(task)}
        assert ran <= states.keys(), f"{job} ran on a node that is not listed"
        missing = {node for node in ran & lasting if not released[node]}
        assert not missing, (job, missing, states)


def check_dependencies(it: Ordeal) -> None:
    """No task began before all that it waits for had ended."""
    load, looked = it.load, 0
    for task, parents in load.depends_on.items():
        done = load.reported.get(task)
        if done is None or done.started is None:
            continue
        ends = [load.reported[parent].ended for parent in parents if parent in load.reported]
        assert all(ended <= done.started for ended in ends), f"{task} began before {parents} were over"
        looked += len(ends)
    assert looked > 0


def check_log(house: House) -> None:
    """Nothing went wrong that nobody had thought of, in the services and in the agents of nodes."""
    agents = sorted((house.data_dir / "nodes").glob("*/agent.log"))
    for log in [house.log, *agents]:
        text = log.read_text(errors="replace") if log else ""
        assert "Traceback" not in text, f"{log}: {text[text.index('Traceback') :][:5000]}"
