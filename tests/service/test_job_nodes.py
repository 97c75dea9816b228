"""What runs on nodes before the first task of a job there, and at the job's end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.batch import models
from azure.core.exceptions import ResourceNotFoundError
from tests.service.house import House, lines, make_task, refused, settings, sh, until

PREPARES_FROM = "AZ_BATCH_JOB_PREP_WORKING_DIR"


def preparation(script: str, **given: Any) -> models.BatchJobPreparationTask:
    return models.BatchJobPreparationTask(command_line=sh(script), **given)


def release(script: str, **given: Any) -> models.BatchJobReleaseTask:
    return models.BatchJobReleaseTask(command_line=sh(script), **given)


def has_file(house: House, pool_id: str, node_id: str, path: str) -> bool:
    try:
        house.batch.download_node_file(pool_id, node_id, path)
    except ResourceNotFoundError:
        return False
    return True


def statuses(house: House, job_id: str, **given: Any) -> list[models.BatchJobPreparationAndReleaseTaskStatus]:
    return list(house.batch.list_job_preparation_and_release_task_status(job_id, **given))


def test_a_job_is_prepared_once_on_each_node_and_released_at_its_end(house: House, tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    pool_id = house.ready_pool(2)
    job_id = house.add_job(
        pool_id,
        common_environment_settings=settings(LOG=str(log)),
        job_preparation_task=preparation(
            f"echo prepared $AZ_BATCH_NODE_ID $AZ_BATCH_JOB_PREP_DIR >> $LOG; echo made > file; "
            f"until test -e {gate}; do sleep 0.02; done"
        ),
        job_release_task=release(f"cat ${PREPARES_FROM}/file; echo released $AZ_BATCH_NODE_ID >> $LOG"),
    )
    names = [f"task-{number}" for number in range(6)]
    script = f"echo ran $AZ_BATCH_NODE_ID $(cat ${PREPARES_FROM}/file) >> $LOG"
    house.add_tasks(job_id, [make_task(sh(script), task_id=name) for name in names])
    until(
        lambda: [task.state for task in house.batch.list_tasks(job_id)],
        lambda states: states.count("preparing") == 2 and states.count("active") == 4,
        "a task for each node that prepares",
    )
    assert house.batch.get_job_task_counts(job_id).task_counts.running == 2
    running = until(
        lambda: statuses(house, job_id, filter="jobPreparationTaskExecutionInfo/state eq 'running'"),
        lambda found: len(found) == 2,
        "preparation on both nodes",
    )
    assert {one.pool_id for one in running} == {pool_id}
    gate.touch()
    house.wait_for_all(job_id)
    first = house.batch.get_task(job_id, names[0])
    assert (first.state, first.previous_state) == ("completed", "running")
    house.batch.begin_terminate_job(job_id, {"terminateReason": "enough"})
    house.wait_for_job(job_id)
    written = [line.split() for line in lines(log)]
    prepared = [line[1] for line in written if line[0] == "prepared"]
    nodes = {node.id for node in house.nodes(pool_id)}
    assert sorted(prepared) == sorted(nodes)
    assert [line for line in written if line[0] == "prepared" and len(line) > 2] == []
    assert len([line for line in written if line[0] == "ran" and line[2] == "made"]) == 6
    used = {line[1] for line in written if line[0] == "ran"}
    assert sorted(line[1] for line in written if line[0] == "released") == sorted(used)
    found = statuses(house, job_id)
    assert {one.node_id for one in found} == nodes
    for one in found:
        info = one.job_preparation_task_execution_info
        assert (info.state, info.exit_code, info.result, info.retry_count) == ("completed", 0, "success", 0)
        assert info.task_root_directory == f"workitems/{job_id}/job-1/jobpreparation"
        if one.node_id in used:
            assert one.job_release_task_execution_info.result == "success"
            path = f"workitems/{job_id}/job-1/jobrelease/stdout.txt"
            text = b"".join(house.batch.download_node_file(pool_id, one.node_id, path))
            assert text == b"made\n"
        else:
            assert one.job_release_task_execution_info is None
    few = house.batch.list_job_preparation_and_release_task_status(job_id, max_results=1).by_page()
    assert [len(list(part)) for part in few] == [1, 1]
    wanted = f"poolId eq '{pool_id.upper()}' and nodeId eq '{found[1].node_id}'"
    assert [one.node_id for one in statuses(house, job_id, filter=wanted)] == [found[1].node_id]
    house.delete_pool(pool_id)
    assert {one.node_id for one in statuses(house, job_id)} == nodes
    house.batch.begin_delete_job(job_id)
    until(lambda: house.job_is_gone(job_id), bool, "no job any more")
    assert len([line for line in lines(log) if line.startswith("released")]) == len(used)


def test_a_node_on_which_preparation_fails_is_none_for_the_job(house: House, tmp_path: Path) -> None:
    log = tmp_path / "log"
    pool_id = house.ready_pool(1)
    tries = models.BatchTaskConstraints(max_task_retry_count=1, retention_time=timedelta(milliseconds=1))
    job_id = house.add_job(
        pool_id,
        job_preparation_task=preparation(f"echo tried >> {log}; exit 3", id="Make", constraints=tries),
        job_release_task=release(f"echo released >> {log}"),
    )
    for code, name in (("Preparation", "make"), ("Release", "JobRelease")):
        with refused(409, f"TaskIdSameAsJob{code}Task"):
            house.add_task(job_id, "true", task_id=name)
    (result,) = house.add_tasks(job_id, [make_task("true", task_id="MAKE")])
    assert result.error.code == "TaskIdSameAsJobPreparationTask"
    task_id = house.add_task(job_id, "true")
    task = until(
        lambda: house.batch.get_task(job_id, task_id),
        lambda task: (task.state, task.previous_state) == ("active", "preparing"),
        "a preparation that has failed",
    )
    assert task.execution_info.retry_count == 0
    (one,) = statuses(house, job_id)
    info = one.job_preparation_task_execution_info
    assert (info.exit_code, info.result, info.failure_info.code) == (3, "failure", "FailureExitCode")
    assert (info.state, info.retry_count) == ("completed", 1)
    assert info.last_retry_time <= info.start_time
    other = house.add_job(pool_id)
    assert house.run(other, "true").execution_info.result == "success"
    with refused(409, "JobPreparationTaskNotSpecified"):
        statuses(house, other)
    assert house.batch.get_task(job_id, task_id).state == "active"
    (node,) = house.nodes(pool_id)
    output = f"workitems/{job_id}/job-1/Make/stdout.txt"
    assert has_file(house, pool_id, node.id, output)
    house.batch.begin_terminate_job(job_id, {"terminateReason": "enough"})
    house.wait_for_job(job_id)
    assert lines(log) == ["tried", "tried"]
    until(lambda: not has_file(house, pool_id, node.id, output), bool, "no files any more")
    house.delete_pool(pool_id)


def test_tasks_need_not_wait_for_preparation(house: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool_id = house.ready_pool(1)
    job_id = house.add_job(
        pool_id,
        job_preparation_task=preparation(
            f"until test -e {gate}; do sleep 0.02; done; exit 1", wait_for_success=False
        ),
        job_release_task=release("exit 7"),
    )
    assert house.run(job_id, "true").execution_info.result == "success"
    gate.touch()
    until(
        lambda: statuses(house, job_id, filter="jobPreparationTaskExecutionInfo/result eq 'failure'"),
        bool,
        "a preparation that has failed",
    )
    assert house.run(job_id, "true").execution_info.result == "success"
    house.batch.begin_delete_job(job_id, polling_interval=0.05).wait()
    house.delete_pool(pool_id)


def test_what_prepares_ends_with_its_job(house: House, tmp_path: Path) -> None:
    pool_id = house.ready_pool(1)
    job_id = house.add_job(
        pool_id,
        job_preparation_task=preparation(f"until test -e {tmp_path / 'never'}; do sleep 0.02; done"),
        job_release_task=release("exit 0"),
    )
    task_id = house.add_task(job_id, "true")
    house.wait_for_task(job_id, task_id, "preparing")
    until(lambda: statuses(house, job_id), bool, "a preparation that runs")
    (node,) = house.nodes(pool_id)
    with refused(404, "JobReleaseTaskNotRunOnNode"):
        house.batch.download_node_file(pool_id, node.id, f"workitems/{job_id}/job-1/jobrelease/wd/file")
    house.batch.begin_terminate_job(job_id, {"terminateReason": "enough"})
    house.wait_for_job(job_id)
    (one,) = statuses(house, job_id)
    assert one.job_preparation_task_execution_info.failure_info.code == "TaskEnded"
    assert one.job_release_task_execution_info is None
    assert house.batch.get_task(job_id, task_id).state == "active"
    house.delete_pool(pool_id)
