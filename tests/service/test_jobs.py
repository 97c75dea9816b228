"""Jobs: whose tasks run when, and how jobs end."""

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from azure.batch import models
from azure.core.rest import HttpRequest
from tests.service.house import (
    House,
    fresh,
    is_gone,
    lines,
    make_task,
    refused,
    runs_still,
    settings,
    sh,
    until,
)

from batchite.configuration.accounts import DEVELOPMENT_BATCH_KEY


def note(log: Path, word: str, seconds: float = 0) -> str:
    """A command that writes the word to the log, then takes its time."""
    return sh(f"echo {word} >> {log}; sleep {seconds}")


def hold(gate: Path) -> str:
    """A command that lasts until the gate is there."""
    return sh(f"echo $$; until test -e {gate}; do sleep 0.02; done")


def counts_of(house: House, job_id: str) -> Sequence[int]:
    counts = house.batch.get_job_task_counts(job_id).task_counts
    return counts.active, counts.running, counts.completed, counts.succeeded, counts.failed


def test_terminating_a_job(house: House, tmp_path: Path) -> None:
    pool_id = house.ready_pool(1)
    job_id = house.add_job(pool_id)
    running = house.add_task(job_id, hold(tmp_path / "never"))
    house.wait_for_task(job_id, running, "running")
    house.wait_for_text(job_id, running, "\n")
    waiting = house.add_task(job_id, "true")
    house.batch.begin_terminate_job(job_id, {"terminateReason": "enough"})
    job = house.wait_for_job(job_id)
    assert job.execution_info.termination_reason == "enough"
    assert job.execution_info.start_time == job.creation_time
    assert job.execution_info.end_time >= job.execution_info.start_time
    assert job.previous_state == "terminating"
    assert job.creation_time < job.previous_state_transition_time <= job.state_transition_time
    ended = house.batch.get_task(job_id, running)
    assert (ended.state, ended.execution_info.failure_info.code) == ("completed", "TaskEnded")
    assert not runs_still(int(house.text(job_id, running)))
    assert house.batch.get_task(job_id, waiting).state == "active"
    assert counts_of(house, job_id) == (1, 0, 1, 0, 1)
    with refused(409, "JobCompleted"):
        house.add_task(job_id, "true")
    house.delete_pool(pool_id)


def test_what_waits_when_its_job_is_terminated_goes_on_waiting(house: House, tmp_path: Path) -> None:
    """Short tasks have the node fed ahead of its slots; nothing of that is to be seen."""
    pool_id = house.ready_pool(1, slots=4)
    job_id = house.add_job(pool_id)
    house.add_tasks(job_id, [make_task("true") for _ in range(60)])
    house.wait_for_all(job_id)
    late = [make_task(hold(tmp_path / "never"), task_id=f"late-{number}") for number in range(12)]
    house.add_tasks(job_id, late)
    until(lambda: counts_of(house, job_id), lambda counts: counts[1] == 4, "four tasks running")
    house.batch.begin_terminate_job(job_id, {"terminateReason": "enough"})
    house.wait_for_job(job_id)
    assert counts_of(house, job_id) == (8, 0, 64, 60, 4)
    left = [task for task in house.batch.list_tasks(job_id) if task.state == "active"]
    assert len(left) == 8
    for task in left:
        assert (task.previous_state, task.node_info, task.execution_info.failure_info) == (None, None, None)
        assert (task.execution_info.retry_count, task.execution_info.requeue_count) == (0, 0)
        assert task.state_transition_time == task.creation_time
    (node,) = house.nodes(pool_id)
    assert node.total_tasks_run == 64
    house.delete_pool(pool_id)


def test_deleting_a_job_whose_tasks_run(house: House, pool: str, job: str, tmp_path: Path) -> None:
    tasks = [house.add_task(job, hold(tmp_path / "never")) for _ in range(3)]
    for task_id in tasks:
        house.wait_for_task(job, task_id, "running")
        house.wait_for_text(job, task_id, "\n")
    numbers = [int(house.text(job, task_id)) for task_id in tasks]
    house.batch.begin_delete_job(job, polling_interval=0.05).wait()
    assert house.job_is_gone(job)
    assert not any(runs_still(number) for number in numbers)
    with refused(404, "JobNotFound"):
        list(house.batch.list_tasks(job))
    info = models.BatchPoolInfo(pool_id=pool)
    house.batch.create_job(models.BatchJobCreateOptions(id=job, pool_info=info))
    assert list(house.batch.list_tasks(job)) == []
    assert house.output(job, "echo again", task_id=tasks[0]) == "again\n"


def test_the_wall_clock_of_a_job(house: House, pool: str, tmp_path: Path) -> None:
    """Counted from its beginning, be it given then or later."""
    second = datetime.timedelta(seconds=1)
    constraints = models.BatchJobConstraints(max_wall_clock_time=second)
    limited, running = house.add_job(pool, constraints=constraints), house.add_job(pool)
    task_id = house.add_task(running, hold(tmp_path / "never"))
    house.wait_for_task(running, task_id, "running")
    house.batch.update_job(running, models.BatchJobUpdateOptions(constraints=constraints))
    for job_id in (limited, running):
        info = house.wait_for_job(job_id).execution_info
        assert info.termination_reason == "MaxWallClockTimeExpiry"
        assert info.end_time - info.start_time >= second
    assert house.batch.get_task(running, task_id).execution_info.failure_info.code == "TaskEnded"


def test_a_job_that_ends_with_its_last_task(house: House, pool: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    job_id = house.add_job(pool, all_tasks_complete_mode="terminatejob")
    assert house.batch.get_job(job_id).state == "active"
    last = house.add_task(job_id, hold(gate))
    failing = house.run(job_id, sh("exit 1"))
    assert failing.execution_info.result == "failure"
    house.wait_for_task(job_id, last, "running")
    assert house.batch.get_job(job_id).state == "active"
    gate.touch()
    job = house.wait_for_job(job_id)
    assert job.execution_info.termination_reason == "AllTasksComplete"
    assert counts_of(house, job_id) == (0, 0, 2, 1, 1)


def test_priorities(house: House, tmp_path: Path) -> None:
    """What waits for the only slot goes by priority, not by age."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    pool_id = house.ready_pool(1)
    blocker = house.add_job(pool_id)
    house.wait_for_task(blocker, house.add_task(blocker, hold(gate)), "running")
    jobs = {priority: house.add_job(pool_id, priority=priority) for priority in (-10, 0, 1000)}
    for priority, job_id in jobs.items():
        house.add_tasks(job_id, [make_task(note(log, str(priority), 0.05)) for _ in range(3)])
    house.wait_for_owner(job_id)
    gate.touch()
    for job_id in jobs.values():
        house.wait_for_all(job_id)
    assert lines(log) == ["1000"] * 3 + ["0"] * 3 + ["-10"] * 3
    house.delete_pool(pool_id)


def test_jobs_of_equal_priority_take_turns(house: House, tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    pool_id = house.ready_pool(1)
    blocker = house.add_job(pool_id)
    house.wait_for_task(blocker, house.add_task(blocker, hold(gate)), "running")
    jobs = {word: house.add_job(pool_id) for word in "abc"}
    for word, job_id in jobs.items():
        house.add_tasks(job_id, [make_task(note(log, word, 0.05)) for _ in range(3)])
    house.wait_for_owner(job_id)
    gate.touch()
    for job_id in jobs.values():
        house.wait_for_all(job_id)
    written = lines(log)
    assert [sorted(written[at : at + 3]) for at in (0, 3, 6)] == [["a", "b", "c"]] * 3
    house.delete_pool(pool_id)


def test_a_jobs_tasks_go_in_the_order_they_were_added(house: House, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pool_id = house.add_pool(1)
    job_id = house.add_job(pool_id)
    house.add_tasks(job_id, [make_task(note(log, str(number))) for number in range(30)])
    house.wait_for_all(job_id)
    assert lines(log) == [str(number) for number in range(30)]
    house.delete_pool(pool_id)


def test_older_jobs_first_where_the_pool_says_so(house: House, tmp_path: Path) -> None:
    log = tmp_path / "log"
    policy = models.BatchTaskSchedulingPolicy(node_fill_type="pack", job_default_order="creationtime")
    pool_id = fresh("pool")
    jobs = {word: house.add_job(pool_id) for word in "abc"}
    for word, job_id in reversed(jobs.items()):
        house.add_tasks(job_id, [make_task(note(log, word)) for _ in range(3)])
    house.add_pool(1, pool_id=pool_id, task_scheduling_policy=policy)
    for job_id in jobs.values():
        house.wait_for_all(job_id)
    assert lines(log) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    house.delete_pool(pool_id)


def test_jobs_share_a_pool(house: House, pool: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    jobs = [house.add_job(pool) for _ in range(3)]
    tasks = [(job_id, house.add_task(job_id, hold(gate))) for job_id in jobs for _ in range(2)]
    for job_id, task_id in tasks:
        house.wait_for_task(job_id, task_id, "running")
    running = sum(node.running_tasks_count for node in house.nodes(pool))
    assert running == len(tasks)
    assert {node.state for node in house.nodes(pool)} == {"running"}
    gate.touch()
    for job_id in jobs:
        assert {task.execution_info.result for task in house.wait_for_all(job_id)} == {"success"}
    house.wait_for_nodes(pool, "idle", 2)


def test_ids_ignore_case(house: House, pool: str) -> None:
    job_id = house.add_job(pool.upper())
    task_id = house.add_task(job_id, "echo found")
    task = house.wait_for_task(job_id.upper(), task_id.upper())
    assert (task.id, task.node_info.pool_id.lower()) == (task_id, pool)
    assert house.text(job_id.upper(), task_id.upper()) == "found\n"
    assert house.batch.get_pool(pool.upper()).id == pool
    with refused(409, "JobExists"):
        info = models.BatchPoolInfo(pool_id=pool)
        house.batch.create_job(models.BatchJobCreateOptions(id=job_id.upper(), pool_info=info))


def test_spreading_and_packing(house: House, pool: str, tmp_path: Path) -> None:
    policy = models.BatchTaskSchedulingPolicy(node_fill_type="pack")
    packing = house.ready_pool(2, slots=4, task_scheduling_policy=policy)
    for pool_id, nodes in ((pool, 2), (packing, 1)):
        gate = tmp_path / pool_id
        job_id = house.add_job(pool_id)
        tasks = [house.add_task(job_id, hold(gate)) for _ in range(4)]
        used = {house.wait_for_task(job_id, task_id, "running").node_info.node_id for task_id in tasks}
        assert len(used) == nodes
        gate.touch()
        house.wait_for_all(job_id)
    house.delete_pool(packing)


def test_no_more_tasks_of_a_job_at_once_than_it_allows(house: House, pool: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    gate = tmp_path / "gate"
    job_id = house.add_job(pool, max_parallel_tasks=2)
    command = sh(f"echo 1 >> {log}; until test -e {gate}; do sleep 0.02; done; echo -1 >> {log}")
    house.add_tasks(job_id, [make_task(command) for _ in range(8)])
    until(lambda: lines(log), lambda begun: begun == ["1", "1"], "two tasks run")
    house.wait_for_owner(job_id)
    gate.touch()
    house.wait_for_all(job_id)
    running, seen = 0, set()
    for line in lines(log):
        running += int(line)
        seen.add(running)
    assert (max(seen), running) == (2, 0)


def test_a_job_whose_pool_comes_later(house: House) -> None:
    pool_id = fresh("later")
    job_id = house.add_job(pool_id)
    task_id = house.add_task(job_id, "true")
    assert house.batch.get_job(job_id).state == "active"
    assert counts_of(house, job_id) == (1, 0, 0, 0, 0)
    house.add_pool(1, pool_id=pool_id)
    assert house.wait_for_task(job_id, task_id).execution_info.result == "success"
    house.delete_pool(pool_id)


def test_a_job_without_tasks_or_nodes_ends_and_goes_at_once(house: House) -> None:
    job_id = house.add_job(fresh("no-such-pool"))
    house.batch.begin_terminate_job(job_id, {"terminateReason": "not needed"})
    assert house.wait_for_job(job_id).execution_info.termination_reason == "not needed"
    with refused(409, "JobExists"):
        house.batch.create_job(
            models.BatchJobCreateOptions(id=job_id, pool_info=models.BatchPoolInfo(pool_id="any"))
        )
    house.batch.begin_delete_job(job_id)
    until(lambda: is_gone(lambda: house.batch.get_job(job_id)), bool, "the job gone")


def test_disabling_and_enabling_a_job(house: House, tmp_path: Path) -> None:
    """Each option in its turn, on one node: what runs, and what waits beside it."""
    pool_id = house.ready_pool(1)
    job_id = house.add_job(pool_id)
    tasks = [house.add_task(job_id, hold(tmp_path / f"gate-{number}")) for number in range(4)]
    house.wait_for_task(job_id, tasks[0], "running")
    disable(house, job_id, "requeue")
    house.wait_for_job(job_id, "disabled")
    assert counts_of(house, job_id) == (4, 0, 0, 0, 0)
    first = house.batch.get_task(job_id, tasks[0]).execution_info
    assert (first.requeue_count, first.retry_count, first.last_requeue_time is None) == (1, 0, False)
    tasks.append(house.add_task(job_id, "true"))
    house.batch.begin_enable_job(job_id, polling_interval=0.05).wait()
    house.wait_for_task(job_id, tasks[0], "running")

    disable(house, job_id, "wait")
    assert house.batch.get_job(job_id).state == "disabling"
    with refused(409, "OperationInvalidForCurrentState"):
        house.batch.begin_enable_job(job_id)
    (tmp_path / "gate-0").touch()
    house.wait_for_job(job_id, "disabled")
    assert counts_of(house, job_id) == (4, 0, 1, 1, 0)
    job = house.batch.get_job(job_id)
    assert (job.previous_state, job.execution_info.end_time) == ("disabling", None)
    house.batch.begin_enable_job(job_id, polling_interval=0.05).wait()
    house.wait_for_task(job_id, tasks[1], "running")

    disable(house, job_id, "wait")
    disable(house, job_id, "terminate")
    house.wait_for_job(job_id, "disabled")
    ended = house.batch.get_task(job_id, tasks[1]).execution_info
    assert (ended.failure_info.code, ended.requeue_count) == ("TaskEnded", 0)
    house.batch.begin_enable_job(job_id, polling_interval=0.05).wait()
    for number in (2, 3):
        (tmp_path / f"gate-{number}").touch()
    house.wait_for_all(job_id)
    assert counts_of(house, job_id) == (0, 0, 5, 4, 1)
    house.delete_pool(pool_id)


def disable(house: House, job_id: str, option: str) -> None:
    """Without waiting for what follows."""
    options = models.BatchJobDisableOptions(disable_tasks=option)
    house.batch.begin_disable_job(job_id, options)


MANAGER = """
import os, time
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential

account, job = os.environ["AZ_BATCH_ACCOUNT_NAME"], os.environ["AZ_BATCH_JOB_ID"]
credential = AzureNamedKeyCredential(account, os.environ["KEY"])
with BatchClient(os.environ["AZ_BATCH_ACCOUNT_URL"], credential) as client:
    for number in range(3):
        client.create_task(job, models.BatchTaskCreateOptions(id=f"part-{number}", command_line="true"))
    while client.get_job_task_counts(job).task_counts.succeeded < 3:
        time.sleep(0.1)
    client.create_task(job, models.BatchTaskCreateOptions(id="late", command_line="sleep 600"))
    while client.get_task(job, "late").state != "running":
        time.sleep(0.1)
print("managed")
"""


def test_a_manager_adds_tasks_to_its_job_and_ends_it(house: House) -> None:
    """As programs do, by the SDK, alone on its node; what runs when it is done is ended."""
    pool_id = house.ready_pool(2, slots=2)
    script = house.container({"manage.py": MANAGER.encode()})
    manager = models.BatchJobManagerTask(
        id="manager",
        command_line="python3 manage.py",
        resource_files=[
            models.ResourceFile(http_url=house.blob_with_sas(script, "manage.py"), file_path="manage.py")
        ],
        environment_settings=settings(KEY=DEVELOPMENT_BATCH_KEY),
    )
    job_id = house.add_job(pool_id, job_manager_task=manager)
    job = house.wait_for_job(job_id)
    assert house.text(job_id, "manager") == "managed\n"
    assert job.execution_info.termination_reason == "JMComplete"
    tasks = {task.id: task for task in house.batch.list_tasks(job_id)}
    assert {name: str(task.execution_info.result) for name, task in tasks.items()} == {
        name: str(models.BatchTaskExecutionResult(result))
        for name, result in {
            "manager": "success", "part-0": "success", "part-1": "success", "part-2": "success",
            "late": "failure",
        }.items()
    }  # fmt: skip
    alone = tasks["manager"].node_info.node_id
    assert alone not in {task.node_info.node_id for name, task in tasks.items() if name != "manager"}
    house.delete_pool(pool_id)


def test_tasks_of_a_completed_job_can_be_deleted(house: House, pool: str) -> None:
    job_id = house.add_job(pool, all_tasks_complete_mode="terminatejob")
    task_id = house.add_task(job_id, sh("echo $AZ_BATCH_TASK_DIR"))
    house.wait_for_job(job_id)
    directory = Path(house.text(job_id, task_id).strip())
    house.batch.delete_task(job_id, task_id)
    until(directory.exists, lambda there: not there, "the directory gone")
    assert counts_of(house, job_id) == (0, 0, 0, 0, 0)


def test_counts_follow_the_tasks(house: House, job: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    held = [house.add_task(job, hold(gate), required_slots=2) for _ in range(2)]
    for task_id in held:
        house.wait_for_task(job, task_id, "running")
    waiting = house.add_task(job, "true", required_slots=4)
    house.run(job, "false")
    assert counts_of(house, job) == (1, 2, 1, 0, 1)
    slots = house.batch.get_job_task_counts(job).task_slot_counts
    assert (slots.active, slots.running, slots.completed, slots.failed) == (4, 4, 1, 1)
    gate.touch()
    house.wait_for_task(job, waiting)
    house.wait_for_all(job)
    assert counts_of(house, job) == (0, 0, 4, 3, 1)


def test_changes_of_jobs_at_work(house: House, tmp_path: Path) -> None:
    """Priority and wall clock count from the change on, and a job whose tasks are over ends at once."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    pool_id = house.ready_pool(1)
    blocker, first, second, waits = (house.add_job(pool_id) for _ in range(4))
    house.wait_for_task(blocker, house.add_task(blocker, hold(gate)), "running")
    for job_id in (first, second):
        house.add_tasks(job_id, [make_task(note(log, job_id)) for _ in range(3)])
    house.batch.update_job(second, models.BatchJobUpdateOptions(priority=7))
    limit = models.BatchJobConstraints(max_wall_clock_time=datetime.timedelta(milliseconds=1))
    house.batch.update_job(waits, models.BatchJobUpdateOptions(constraints=limit))
    assert house.wait_for_job(waits).execution_info.termination_reason == "MaxWallClockTimeExpiry"
    gate.touch()
    for job_id in (first, second):
        house.wait_for_all(job_id)
    assert lines(log) == [second] * 3 + [first] * 3
    job = house.batch.get_job(first)
    assert job.state == "active"
    job.all_tasks_complete_mode = "terminatejob"
    house.batch.replace_job(first, job)
    assert house.wait_for_job(first).execution_info.termination_reason == "AllTasksComplete"
    with refused(409, "JobCompleted"):
        house.batch.update_job(first, models.BatchJobUpdateOptions(priority=1))
    house.delete_pool(pool_id)


def test_tasks_of_a_schedules_job_run_below_the_schedule(house: House, pool: str) -> None:
    """Where their files lie the node and the API agree; the job ends with them, and the schedule with the
    job."""
    schedule_id = fresh("schedule")
    specification = models.BatchJobSpecification(pool_info=models.BatchPoolInfo(pool_id=pool))
    options = models.BatchJobScheduleCreateOptions(
        id=schedule_id,
        schedule=models.BatchJobScheduleConfiguration(),
        job_specification=specification,
    )
    house.batch.create_job_schedule(options)
    job_id = f"{schedule_id}:job-1"
    ran = house.run(job_id, sh("echo $AZ_BATCH_JOB_ID; echo $AZ_BATCH_TASK_DIR"))
    assert ran.node_info is not None
    said, directory = house.text(job_id, str(ran.id)).split()
    assert said == job_id
    assert directory.endswith(f"/workitems/{schedule_id}/job-1/{ran.id}")
    assert ran.node_info.task_root_directory == f"workitems/{schedule_id}/job-1/{ran.id}"
    whole = models.BatchAllTasksCompleteMode.TERMINATE_JOB
    house.batch.update_job(job_id, models.BatchJobUpdateOptions(all_tasks_complete_mode=whole))
    assert house.wait_for_job(job_id).execution_info.termination_reason == "AllTasksComplete"
    until(
        lambda: house.batch.get_job_schedule(schedule_id).state,
        lambda state: state == "completed",
        "the schedule ends",
    )


def test_a_task_gives_way_to_a_job_of_higher_priority_and_runs_again(house: House, tmp_path: Path) -> None:
    pool_id = house.ready_pool(1)
    low = house.add_job(pool_id, priority=-5, allow_task_preemption=True)
    long = house.add_task(
        low, sh(f"echo began >> {tmp_path}/low; until test -e {tmp_path}/go; do sleep 0.02; done")
    )
    until(lambda: lines(tmp_path / "low"), bool, "it has begun to work")
    house.wait_for_task(low, long, "running")
    high = house.add_job(pool_id, priority=5)
    urgent = house.add_task(high, "true")
    house.wait_for_task(high, urgent, "completed")
    (tmp_path / "go").touch()
    house.wait_for_task(low, long, "completed")
    ran = house.batch.get_task(low, long).execution_info
    assert (ran.result, ran.exit_code, ran.retry_count, ran.requeue_count) == ("success", 0, 0, 0)
    assert len((tmp_path / "low").read_text().split()) == 2, "it was begun again"
    assert house.batch.get_job(low).allow_task_preemption is True
    house.delete_pool(pool_id)


ADD_A_TASK = """
import os, urllib.request as web
address = "{AZ_BATCH_ACCOUNT_URL}jobs/{AZ_BATCH_JOB_ID}/tasks?api-version=2024-07-01.20.0"
body = b'{"id":"added","commandLine":"printenv AZ_BATCH_AUTHENTICATION_TOKEN"}'
headers = {
    "Authorization": "Bearer " + os.environ["AZ_BATCH_AUTHENTICATION_TOKEN"],
    "Content-Type": "application/json; odata=minimalmetadata",
}
print(web.urlopen(web.Request(address.format(**os.environ), body, headers)).status)
"""


def test_a_task_adds_another_to_its_job_with_its_token(house: House, job: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(ADD_A_TASK)
    body = {
        "id": "adding",
        "commandLine": f"{sys.executable} {program}",
        "authenticationTokenSettings": {"access": ["job"]},
    }
    request = HttpRequest(
        "POST",
        f"/jobs/{job}/tasks?api-version=2024-07-01.20.0",
        json=body,
        headers={"Content-Type": "application/json; odata=minimalmetadata"},
    )
    assert house.batch.send_request(request).status_code == 201
    adding = house.wait_for_task(job, "adding")
    assert adding.execution_info.exit_code == 0, house.text(job, "adding", "stderr.txt")
    assert house.text(job, "adding") == "201\n"
    assert not adding.environment_settings
    added = house.wait_for_task(job, "added")
    assert added.execution_info.exit_code == 1  # it has not asked for a token
