"""Pools, their nodes and start tasks, from the first request to the last node gone."""

import datetime
import os
import signal
from pathlib import Path

from azure.batch import models
from tests.service.house import (
    SMALL_QUOTA,
    House,
    fresh,
    is_gone,
    lines,
    pool_options,
    refused,
    runs_still,
    sh,
    until,
)

ADMIN = models.UserIdentity(
    auto_user=models.AutoUserSpecification(
        scope=models.AutoUserScope.POOL, elevation_level=models.ElevationLevel.ADMIN
    )
)


def start_task(script: str, **given: object) -> models.BatchStartTask:
    return models.BatchStartTask(command_line=sh(script), user_identity=ADMIN, **given)


def test_from_nothing_to_idle_nodes_to_nothing(house: House) -> None:
    pool_id = house.add_pool(2, slots=3)
    assert house.batch.pool_exists(pool_id)
    first = house.batch.get_pool(pool_id)
    assert (first.state, first.target_dedicated_nodes) == ("active", 2)
    nodes = house.wait_for_nodes(pool_id, "idle", 2)
    pool = house.wait_for_pool(pool_id)
    assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (2, 0)
    assert not pool.resize_errors
    for node in nodes:
        assert node.is_dedicated
        assert node.scheduling_state == "enabled"
        assert node.vm_size.lower() == "standard_d2s_v3"
        assert node.affinity_id == f"TVM:{node.id}"
        assert pool.creation_time <= node.allocation_time <= node.last_boot_time
        assert (node.running_tasks_count, node.total_tasks_run) == (0, 0)
        assert node.node_agent_info.version
        assert node.start_task_info is None
    house.delete_pool(pool_id)
    with refused(404, "PoolNotFound"):
        house.batch.get_pool(pool_id)
    assert not any((house.data_dir / "nodes" / node.id).exists() for node in nodes)


def test_an_empty_pool_is_defined_anew_and_grows_so(house: House) -> None:
    pool_id = house.add_pool(0, slots=1)
    start = start_task("echo $AZ_BATCH_TASK_USER >$AZ_BATCH_NODE_SHARED_DIR/who")
    anna = models.UserAccount(name="anna", password="hidden-word")
    identity = models.UserIdentity(username="anna")
    start.user_identity = identity
    house.batch.update_pool(
        pool_id,
        models.BatchPoolUpdateOptions(task_slots_per_node=2, start_task=start, user_accounts=[anna]),
    )
    house.batch.begin_resize_pool(pool_id, models.BatchPoolResizeOptions(target_dedicated_nodes=1)).result()
    (node,) = house.wait_for_nodes(pool_id, "idle")
    assert node.start_task == house.batch.get_pool(pool_id).start_task
    assert b"".join(house.batch.download_node_file(pool_id, node.id, "shared/who")) == b"anna\n"
    job_id = house.add_job(pool_id)
    for name in ("a", "b"):
        house.add_task(job_id, sh("sleep 600"), task_id=name)
        house.wait_for_task(job_id, name, "running")
    with refused(409, "OperationInvalidForCurrentState"):
        house.batch.update_pool(pool_id, models.BatchPoolUpdateOptions(task_slots_per_node=3))


def test_low_priority_nodes(house: House) -> None:
    pool_id = house.add_pool(0, target_low_priority_nodes=1)
    (node,) = house.wait_for_nodes(pool_id, "idle")
    assert not node.is_dedicated
    assert house.wait_for_pool(pool_id).current_low_priority_nodes == 1
    job_id = house.add_job(pool_id)
    assert house.output(job_id, sh("echo $AZ_BATCH_NODE_IS_DEDICATED")) == "false\n"
    house.delete_pool(pool_id)


def test_nodes_wait_for_their_start_task(house: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    container = house.container({"tool.sh": b"echo a tool of the pool\n"})
    files = [models.ResourceFile(http_url=house.blob_with_sas(container, "tool.sh"), file_path="bin/tool.sh")]
    script = (
        f"cp bin/tool.sh $AZ_BATCH_NODE_SHARED_DIR && until test -e {gate}; do sleep 0.02; done; echo done"
    )
    pool_id = house.add_pool(start_task=start_task(script, resource_files=files, wait_for_success=True))
    job_id = house.add_job(pool_id)
    task_id = house.add_task(job_id, sh("sh $AZ_BATCH_NODE_SHARED_DIR/tool.sh"))
    (node,) = house.wait_for_nodes(pool_id, "waitingforstarttask")
    until(
        lambda: house.batch.get_node(pool_id, node.id).start_task_info,
        lambda info: info is not None and info.state == "running",
        "the start task running",
    )
    assert house.batch.get_task(job_id, task_id).state == "active"
    gate.touch()
    house.wait_for_task(job_id, task_id)
    assert house.text(job_id, task_id) == "a tool of the pool\n"
    info = house.batch.get_node(pool_id, node.id).start_task_info
    assert (info.state, info.exit_code, info.result, info.retry_count) == ("completed", 0, "success", 0)
    assert info.start_time <= info.end_time
    assert b"".join(house.batch.download_node_file(pool_id, node.id, "startup/stdout.txt")) == b"done\n"
    names = {file.name for file in house.batch.list_node_files(pool_id, node.id, recursive=True)}
    assert {"startup/wd/bin/tool.sh", "startup/stderr.txt", "shared/tool.sh"} <= names
    house.delete_pool(pool_id)


def test_tasks_do_not_wait_for_a_start_task_that_nobody_waits_for(house: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"until test -e {gate}; do sleep 0.02; done; exit 7"
    pool_id = house.add_pool(start_task=start_task(script, wait_for_success=False))
    job_id = house.add_job(pool_id)
    task = house.run(job_id, sh("echo meanwhile"))
    assert task.execution_info.exit_code == 0
    assert house.batch.get_node(pool_id, task.node_info.node_id).start_task_info.state == "running"
    gate.touch()
    info = until(
        lambda: house.batch.get_node(pool_id, task.node_info.node_id).start_task_info,
        lambda info: info.state == "completed",
        "the start task's end",
    )
    assert (info.exit_code, info.result, info.failure_info.code) == (7, "failure", "FailureExitCode")
    assert house.run(job_id, "true").execution_info.exit_code == 0
    house.delete_pool(pool_id)


def test_a_start_task_is_tried_again_and_then_given_up(house: House, tmp_path: Path) -> None:
    count = tmp_path / "runs"
    options = start_task(f"echo run >> {count}; exit 3", max_task_retry_count=2, wait_for_success=True)
    pool_id = house.add_pool(start_task=options)
    (node,) = house.wait_for_nodes(pool_id, "starttaskfailed")
    info = node.start_task_info
    assert (info.retry_count, info.exit_code, info.result) == (2, 3, "failure")
    assert info.failure_info.category == "usererror"
    assert info.last_retry_time is not None
    assert len(lines(count)) == 3
    job_id = house.add_job(pool_id)
    task_id = house.add_task(job_id, "true")
    house.delete_pool(pool_id)
    assert house.batch.get_task(job_id, task_id).state == "active"


def test_a_start_task_succeeds_at_the_second_try(house: House, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    options = start_task(f"test -e {mark} || {{ touch {mark}; exit 1; }}", max_task_retry_count=-1)
    pool_id = house.add_pool(start_task=options)
    (node,) = house.wait_for_nodes(pool_id, "idle")
    info = node.start_task_info
    assert (info.retry_count, info.result, info.exit_code) == (1, "success", 0)
    assert info.failure_info is None
    house.delete_pool(pool_id)


def test_a_start_task_whose_file_is_missing_is_not_tried_again(house: House) -> None:
    files = [models.ResourceFile(http_url=house.blob_with_sas(house.container({}), "gone"), file_path="gone")]
    options = start_task("true", resource_files=files, max_task_retry_count=5, wait_for_success=True)
    pool_id = house.add_pool(start_task=options)
    (node,) = house.wait_for_nodes(pool_id, "starttaskfailed")
    assert node.start_task_info.failure_info.code == "BlobNotFound"
    assert node.start_task_info.retry_count == 0
    house.delete_pool(pool_id)


def test_the_environment_of_a_start_task(house: House) -> None:
    own = [models.EnvironmentSetting(name="OF_START_TASK", value="a b")]
    pool_id = house.ready_pool(start_task=start_task("env", environment_settings=own))
    (node,) = house.nodes(pool_id)
    text = b"".join(house.batch.download_node_file(pool_id, node.id, "startup/stdout.txt")).decode()
    found = dict(line.split("=", 1) for line in text.splitlines())
    assert found["OF_START_TASK"] == "a b"
    assert found["AZ_BATCH_TASK_DIR"] == found["AZ_BATCH_NODE_STARTUP_DIR"]
    assert found["AZ_BATCH_TASK_WORKING_DIR"] == found["AZ_BATCH_NODE_STARTUP_DIR"] + "/wd"
    assert not {"AZ_BATCH_JOB_ID", "AZ_BATCH_TASK_ID"} & set(found)
    house.delete_pool(pool_id)


def test_the_core_quota_of_the_account(house: House) -> None:
    pool_id = fresh("pool")
    house.small.create_pool(pool_options(pool_id, 3))
    pool = until(
        lambda: house.small.get_pool(pool_id), lambda pool: pool.allocation_state == "steady", "steady pool"
    )
    assert pool.current_dedicated_nodes == SMALL_QUOTA // 2
    assert [error.code for error in pool.resize_errors] == ["AccountCoreQuotaReached"]
    house.small.begin_delete_pool(pool_id, polling_interval=0.05).wait()
    assert is_gone(lambda: house.small.get_pool(pool_id))
    house.small.create_pool(pool_options(pool_id, 2))
    pool = until(
        lambda: house.small.get_pool(pool_id), lambda pool: pool.allocation_state == "steady", "steady pool"
    )
    assert (pool.current_dedicated_nodes, pool.resize_errors) == (2, None)
    house.small.begin_delete_pool(pool_id, polling_interval=0.05).wait()


def test_an_agent_that_is_killed_is_replaced_and_its_task_run_again(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    pool_id = house.ready_pool(1)
    job_id = house.add_job(pool_id)
    script = f"echo $$ $AZ_BATCH_NODE_ID >> {runs}; test $(wc -l < {runs}) -gt 1 || exec sleep 600"
    task_id = house.add_task(job_id, sh(script))
    (first,) = until(lambda: lines(runs), bool, "the first run")
    number, node_id = first.split()
    os.kill(agent_of(house, node_id), signal.SIGKILL)
    task = house.wait_for_task(job_id, task_id)
    assert not runs_still(int(number))
    assert (task.execution_info.exit_code, task.execution_info.retry_count) == (0, 0)
    assert task.node_info.node_id != node_id
    assert len(lines(runs)) == 2
    assert [node.id for node in house.wait_for_nodes(pool_id, "idle")] == [task.node_info.node_id]
    house.delete_pool(pool_id)


def agent_of(house: House, node_id: str) -> int:
    """The process that is the node."""
    directory = str(house.data_dir / "nodes" / node_id).encode()
    found = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and directory in command_line(entry).split(b"\0")
    ]
    assert len(found) == 1
    return found[0]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_a_pool_that_goes_gives_its_tasks_back_to_the_next_of_its_name(house: House, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    pool_id = house.ready_pool(1)
    job_id = house.add_job(pool_id)
    script = f"echo run >> {runs}; test $(wc -l < {runs}) -gt 1 || exec sleep 600"
    running = house.add_task(job_id, sh(script))
    waiting = house.add_task(job_id, "true")
    until(lambda: lines(runs), bool, "the first run")
    house.delete_pool(pool_id)
    for task_id in (running, waiting):
        assert house.batch.get_task(job_id, task_id).state == "active"
    assert house.batch.get_task(job_id, running).execution_info.requeue_count == 1
    counts = house.batch.get_job_task_counts(job_id).task_counts
    assert (counts.active, counts.running, counts.completed) == (2, 0, 0)
    house.add_pool(1, pool_id=pool_id)
    assert house.wait_for_task(job_id, running).execution_info.retry_count == 0
    house.wait_for_task(job_id, waiting)
    assert len(lines(runs)) == 2
    house.delete_pool(pool_id)


def test_writes_to_a_pool_that_goes_are_refused(house: House) -> None:
    pool_id = house.ready_pool(1)
    with refused(409, "PoolExists"):
        house.batch.create_pool(pool_options(pool_id, 1))
    house.delete_pool(pool_id)
    with refused(404, "PoolNotFound"):
        house.batch.begin_delete_pool(pool_id)


def test_a_short_resize_timeout_is_refused(house: House) -> None:
    with refused(400, "InvalidPropertyValue"):
        house.add_pool(1, resize_timeout=datetime.timedelta(minutes=4))
