"""Tasks: what they are given, how they run and how they end."""

import datetime
import socket
from pathlib import Path

from azure.batch import models
from tests.nodes.running import working_in
from tests.service.conftest import SECRET
from tests.service.house import (
    OPERATOR_SETTINGS,
    SECONDS,
    House,
    fresh,
    lines,
    make_task,
    refused,
    retries,
    runs_still,
    settings,
    sh,
    until,
)

from batchite.configuration.accounts import DEVELOPMENT_BATCH_NAME

SOON = datetime.timedelta(seconds=1)


def environment(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\0") if line)


def test_a_task_that_succeeds(house: House, pool: str, job: str) -> None:
    task = house.run(job, sh("echo out; echo err >&2"))
    info = task.execution_info
    assert (info.exit_code, info.result, info.failure_info) == (0, "success", None)
    assert (info.retry_count, info.requeue_count) == (0, 0)
    assert task.creation_time <= info.start_time <= info.end_time
    assert (task.state, task.previous_state) == ("completed", "running")
    assert task.previous_state_transition_time == info.start_time
    assert house.text(job, task.id, "stdout.txt") == "out\n"
    assert house.text(job, task.id, "stderr.txt") == "err\n"
    node = task.node_info
    assert node.pool_id == pool
    assert node.node_id in {each.id for each in house.nodes(pool)}
    assert node.affinity_id == f"TVM:{node.node_id}"
    last = house.batch.get_node(pool, node.node_id).recent_tasks[0]
    assert (last.job_id, last.task_id, last.task_state) == (job, task.id, "completed")
    assert last.execution_info == info
    assert node.node_url == f"{house.batch_url}/pools/{pool}/nodes/{node.node_id}"
    assert node.task_root_directory == f"workitems/{job}/job-1/{task.id}"
    assert node.task_root_directory_url == f"{node.node_url}/files/{node.task_root_directory}"


def test_the_exact_environment_and_the_documented_directories(house: House, pool: str, job: str) -> None:
    task = house.run(job, "env -0")
    found = environment(house.text(job, task.id))
    root = found["AZ_BATCH_NODE_ROOT_DIR"]
    assert len(root) <= 24
    assert Path(root).resolve() == house.data_dir / "nodes" / task.node_info.node_id / "root"
    directory = f"{root}/workitems/{job}/job-1/{task.id}"
    documented = {
        "AZ_BATCH_ACCOUNT_NAME": DEVELOPMENT_BATCH_NAME,
        "AZ_BATCH_ACCOUNT_URL": f"{house.batch_url}/",
        "AZ_BATCH_CERTIFICATES_DIR": f"{directory}/certs",
        "AZ_BATCH_JOB_ID": job,
        "AZ_BATCH_NODE_ID": task.node_info.node_id,
        "AZ_BATCH_NODE_IS_DEDICATED": "true",
        "AZ_BATCH_NODE_MOUNTS_DIR": f"{root}/fsmounts",
        "AZ_BATCH_NODE_ROOT_DIR": root,
        "AZ_BATCH_NODE_SHARED_DIR": f"{root}/shared",
        "AZ_BATCH_NODE_STARTUP_DIR": f"{root}/startup",
        "AZ_BATCH_NODE_STARTUP_WORKING_DIR": f"{root}/startup/wd",
        "AZ_BATCH_POOL_ID": pool,
        "AZ_BATCH_TASK_DIR": directory,
        "AZ_BATCH_TASK_ID": task.id,
        "AZ_BATCH_TASK_USER": "_azbatch",
        "AZ_BATCH_TASK_USER_IDENTITY": "PoolNonAdmin",
        "AZ_BATCH_TASK_WORKING_DIR": f"{directory}/wd",
        "HOME": f"{directory}/wd",
        "PWD": f"{directory}/wd",
        "USER": "_azbatch",
    }
    for kind in ("TASK_RESERVED_EPHEMERAL", "RESERVED_EPHEMERAL", "RESERVED", "OS_RESERVED_EPHEMERAL"):
        assert int(found.pop(f"AZ_BATCH_{kind}_DISK_SPACE_BYTES")) >= 0
    general = {name: found.pop(name) for name in ("LANG", "PATH", "PYTHONUSERBASE")}
    assert found == documented | OPERATOR_SETTINGS
    assert SECRET not in found
    assert "/usr/bin" in general["PATH"].split(":")
    assert general["PATH"].endswith(f":{root}/shared:{directory}/wd")
    script = "ls $AZ_BATCH_NODE_ROOT_DIR; pwd; ls -A ..; ls -A"
    second = house.add_task(job, sh(script))
    house.wait_for_task(job, second)
    written = house.text(job, second).split()
    assert {"applications", "fsmounts", "shared", "startup", "volatile", "workitems"} <= set(written)
    beside = written.index("stderr.txt")
    assert written[beside - 1].endswith(f"/workitems/{job}/job-1/{second}/wd")
    assert written[beside:] == ["stderr.txt", "stdout.txt", "wd"]


def test_a_socket_can_be_bound_in_the_working_directory(house: House, pool: str) -> None:
    """Also if the ids are rather long."""
    job, number = fresh("job").ljust(20, "j"), "t" * 20
    info = models.BatchPoolInfo(pool_id=pool)
    house.batch.create_job(models.BatchJobCreateOptions(id=job, pool_info=info))
    name = 'os.environ["AZ_BATCH_TASK_WORKING_DIR"] + "/s"'
    bind = f"import os, socket; socket.socket(socket.AF_UNIX).bind({name})"
    task = house.run(job, f"python3 -c '{bind}'", task_id=number)
    assert task.execution_info.result == "success", house.text(job, number, "stderr.txt")


def test_which_setting_of_a_name_counts(house: House, pool: str) -> None:
    """The task's own, then the job's, then the operator's; nothing replaces what the service sets."""
    job_id = house.add_job(
        pool,
        common_environment_settings=settings(
            BOTH="job", OF_JOB="job", GIVEN_BY_OPERATOR="job", ALSO_OF_OPERATOR="job"
        ),
    )
    own = settings(BOTH="task", OF_TASK="a=b c", GIVEN_BY_OPERATOR="task", AZ_BATCH_TASK_ID="mine", EMPTY="")
    task = house.run(job_id, "env -0", environment_settings=own)
    found = environment(house.text(job_id, task.id))
    assert {name: found[name] for name in ("BOTH", "OF_JOB", "OF_TASK", "EMPTY")} == {
        "BOTH": "task",
        "OF_JOB": "job",
        "OF_TASK": "a=b c",
        "EMPTY": "",
    }
    assert (found["GIVEN_BY_OPERATOR"], found["ALSO_OF_OPERATOR"]) == ("task", "job")
    assert found["AZ_BATCH_TASK_ID"] == task.id
    assert [setting.name for setting in task.environment_settings] == [setting.name for setting in own]


def test_a_task_inherits_no_open_files(house: House, job: str) -> None:
    assert house.output(job, "ls /proc/self/fd").split() == ["0", "1", "2", "3"]  # 3 is the directory itself
    assert house.output(job, sh("cat; readlink /proc/self/fd/0")) == "/dev/null\n"


def test_a_command_line_is_not_given_to_a_shell(house: House, job: str) -> None:
    words = house.output(job, """printf '<%s>' $HOME "two words" a\\ b '' *; echo""")
    assert words == "<$HOME><two words><a b><><*;><echo>"


def test_exit_codes(house: House, job: str) -> None:
    task = house.run(job, sh("exit 42"))
    info = task.execution_info
    assert (info.exit_code, info.result, info.retry_count) == (42, "failure", 0)
    assert (info.failure_info.category, info.failure_info.code) == ("usererror", "FailureExitCode")
    details = {detail.name: detail.value for detail in info.failure_info.details}
    assert "42" in details["Message"]
    killed = house.run(job, sh("kill -9 $$")).execution_info
    assert killed.exit_code == 137
    assert "SIGKILL" in str(killed.failure_info.details)


def test_a_program_that_does_not_exist(house: House, job: str) -> None:
    task = house.run(job, "no-such-program --at all", constraints=retries(3))
    info = task.execution_info
    assert (info.exit_code, info.result, info.retry_count) == (None, "failure", 0)
    assert (info.failure_info.category, info.failure_info.code) == ("usererror", "CommandProgramNotFound")
    assert "no-such-program" in info.failure_info.message
    assert house.run(job, "/etc/passwd").execution_info.failure_info.code == "CommandLaunchFailed"


def test_retries(house: House, pool: str, job: str, tmp_path: Path) -> None:
    def runs_of(task: models.BatchTask) -> int:
        return len(lines(tmp_path / str(task.id)))

    command = sh(f"echo run >> {tmp_path}/$AZ_BATCH_TASK_ID; exit 1")
    never, twice = house.run(job, command), house.run(job, command, constraints=retries(2))
    assert (runs_of(never), never.execution_info.retry_count) == (1, 0)
    assert (runs_of(twice), twice.execution_info.retry_count) == (3, 2)
    assert twice.execution_info.last_retry_time is not None
    assert never.execution_info.last_retry_time is None
    by_job = house.add_job(pool, constraints=models.BatchJobConstraints(max_task_retry_count=1))
    inherits, refuses = house.run(by_job, command), house.run(by_job, command, constraints=retries(0))
    assert (runs_of(inherits), inherits.constraints.max_task_retry_count) == (2, 1)
    assert runs_of(refuses) == 1


def test_a_retry_that_succeeds_goes_on_where_the_run_before_left_off(house: House) -> None:
    """On the same node."""
    job = house.add_job(house.ready_pool())
    script = "ls; echo again; test -e left || { touch left; exit 1; }"
    task = house.run(job, sh(script), constraints=retries(1))
    info = task.execution_info
    assert (info.result, info.exit_code, info.retry_count, info.failure_info) == ("success", 0, 1, None)
    assert house.text(job, task.id) == "left\nagain\n"
    assert house.text(job, task.id, "stdout.txt.1") == "again\n"


def test_the_wall_clock_ends_a_task_and_its_children(house: House, job: str) -> None:
    constraints = models.BatchTaskConstraints(max_wall_clock_time=SOON, max_task_retry_count=2)
    task = house.run(job, sh("sleep 600 & setsid sleep 600 & wait"), constraints=constraints)
    info = task.execution_info
    assert (info.result, info.failure_info.code, info.retry_count) == ("failure", "TaskEnded", 0)
    assert info.end_time - info.start_time >= SOON
    node, directory = task.node_info.node_id, task.node_info.task_root_directory
    assert working_in(house.data_dir / "nodes" / node / "root" / directory / "wd") == []


def test_terminating_a_task_that_runs(house: House, job: str) -> None:
    task_id = house.add_task(job, sh("sleep 600 & echo $$ $!; wait"))
    house.wait_for_task(job, task_id, "running")
    house.wait_for_text(job, task_id, "\n")
    house.batch.terminate_task(job, task_id)
    task = house.batch.get_task(job, task_id)
    assert task.state == "completed"
    assert task.execution_info.failure_info.code == "TaskEnded"
    assert task.execution_info.exit_code is None
    assert not any(runs_still(int(word)) for word in house.text(job, task_id).split())
    with refused(409, "TaskCompleted"):
        house.batch.terminate_task(job, task_id)


def test_terminating_and_deleting_tasks_that_wait(house: House) -> None:
    job_id = house.add_job(fresh("no-such-pool"))
    ended, deleted, left = (house.add_task(job_id, "true") for _ in range(3))
    house.batch.terminate_task(job_id, ended)
    task = house.batch.get_task(job_id, ended)
    assert (task.state, task.execution_info.failure_info.code) == ("completed", "TaskEnded")
    assert (task.execution_info.start_time, task.node_info) == (None, None)
    house.batch.delete_task(job_id, deleted)
    with refused(404, "TaskNotFound"):
        house.batch.get_task(job_id, deleted)
    assert [task.id for task in house.batch.list_tasks(job_id)] == [ended, left]
    counts = house.batch.get_job_task_counts(job_id).task_counts
    assert (counts.active, counts.completed, counts.failed) == (1, 1, 1)
    house.batch.begin_delete_job(job_id)


def test_deleting_a_task_that_runs(house: House, job: str) -> None:
    task_id = house.add_task(job, sh("echo $$ $AZ_BATCH_TASK_DIR; exec sleep 600"))
    house.wait_for_task(job, task_id, "running")
    house.wait_for_text(job, task_id, "\n")
    number, directory = house.text(job, task_id).split()
    assert Path(directory).is_dir()
    house.batch.delete_task(job, task_id)
    with refused(404, "TaskNotFound"):
        house.batch.get_task(job, task_id)
    until(lambda: runs_still(int(number)), lambda alive: not alive, "the process gone")
    until(lambda: Path(directory).exists(), lambda there: not there, "the directory gone")
    counts = house.batch.get_job_task_counts(job).task_counts
    assert (counts.active, counts.running, counts.completed) == (0, 0, 0)


def test_deleting_a_completed_task(house: House, job: str) -> None:
    task = house.run(job, sh("echo $AZ_BATCH_TASK_DIR"))
    directory = Path(house.text(job, task.id).strip())
    assert directory.is_dir()
    house.batch.delete_task(job, task.id)
    until(directory.exists, lambda there: not there, "the directory gone")
    assert house.batch.get_job_task_counts(job).task_counts.completed == 0
    again = house.run(job, "true", task_id=task.id)
    assert again.execution_info.result == "success"


def test_adding_a_task_again(house: House, job: str) -> None:
    task_id = house.add_task(job, "true")
    with refused(409, "TaskExists"):
        house.add_task(job, "false", task_id=task_id)
    with refused(409, "TaskExists"):
        house.add_task(job, "false", task_id=task_id.upper())
    results = house.add_tasks(job, [make_task("false", task_id=task_id), make_task("true")])
    assert [each.status for each in results] == ["clienterror", "success"]
    assert [each.error.code for each in results if each.error] == ["TaskExists"]
    assert house.wait_for_task(job, task_id).execution_info.exit_code == 0


def test_slots_are_never_overbooked(house: House, tmp_path: Path) -> None:
    """Each task writes down when it begins and ends; the sums at every moment stay below the slots."""
    log = tmp_path / "log"
    pool_id = house.ready_pool(1, slots=4, vm_size="Standard_D4s_v3")
    job_id = house.add_job(pool_id)
    needs = [1, 2, 1, 4, 3, 1, 2, 1, 1, 4, 1, 2]
    house.add_tasks(
        job_id,
        [make_task(sh(f"echo {n} >> {log}; sleep 0.1; echo -{n} >> {log}"), required_slots=n) for n in needs],
    )
    tasks = house.wait_for_all(job_id)
    assert {task.execution_info.result for task in tasks} == {"success"}
    used = most = 0
    for line in lines(log):
        used += int(line)
        most = max(most, used)
    assert used == 0
    assert 2 <= most <= 4
    counts = house.batch.get_job_task_counts(job_id)
    assert counts.task_counts.succeeded == len(needs)
    assert counts.task_slot_counts.succeeded == sum(needs)
    house.delete_pool(pool_id)


def test_a_task_that_needs_more_slots_than_a_node_has_waits(house: House, job: str) -> None:
    too_large = house.add_task(job, "true", required_slots=5)
    assert house.run(job, "true").execution_info.exit_code == 0
    assert house.batch.get_task(job, too_large).state == "active"


def test_what_a_task_leaves_running_ends_with_it(house: House, job: str) -> None:
    task = house.run(job, sh("sleep 600 & echo $!; setsid sleep 600 & echo $!"))
    assert task.execution_info.exit_code == 0
    assert not any(runs_still(int(word)) for word in house.text(job, task.id).split())


def test_a_task_that_talks_to_the_network(house: House, job: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        port = server.getsockname()[1]
        program = f'import socket; socket.create_connection((\\"127.0.0.1\\", {port})).sendall(b\\"hello\\")'
        task_id = house.add_task(job, f'python3 -c "{program}"')
        connection, _ = server.accept()
        with connection:
            assert connection.recv(100) == b"hello"
    assert house.wait_for_task(job, task_id).execution_info.exit_code == 0


def test_a_refused_task_leaves_nothing(house: House, job: str) -> None:
    with refused(400, "InvalidPropertyValue"):
        house.add_task(job, "true", required_slots=0)
    assert list(house.batch.list_tasks(job)) == []


def test_files_go_when_their_time_has_come(house: House, job: str) -> None:
    kept, gone = (
        models.BatchTaskConstraints(retention_time=datetime.timedelta(seconds=seconds))
        for seconds in (3600, 1e-6)
    )
    stays = house.run(job, sh("echo here"), constraints=kept)
    task = house.run(job, sh("echo here; pwd"), constraints=gone)
    with refused(409, "TaskFilesCleanedup"):
        house.text(job, task.id)
    node, root = task.node_info.node_id, task.node_info.task_root_directory

    def there() -> bool:
        files = house.batch.list_node_files(task.node_info.pool_id, node, recursive=True)
        return any(file.name.startswith(root) for file in files)

    until(there, lambda is_there: not is_there, "the directory is gone")
    assert house.text(job, stays.id) == "here\n"
    house.batch.replace_task(job, stays.id, models.BatchTask(constraints=gone))
    with refused(409, "TaskFilesCleanedup"):
        house.text(job, stays.id)


def test_a_failed_task_runs_anew(house: House, job: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = sh(f"echo x >> {ran}; test $(wc -l < {ran}) -gt 2")
    task = house.run(job, script, constraints=retries(1))
    assert (task.execution_info.exit_code, task.execution_info.retry_count) == (1, 1)
    house.batch.reactivate_task(job, task.id)
    task = house.wait_for_task(job, task.id)
    assert (task.execution_info.result, task.execution_info.retry_count) == ("success", 0)
    assert len(lines(ran)) == 3
    with refused(409, "TaskSucceeded"):
        house.batch.reactivate_task(job, task.id)


def test_a_task_that_runs_is_given_less_time(house: House, job: str) -> None:
    task = house.add_task(job, "/bin/sleep 600")
    house.wait_for_task(job, task, "running")
    limit = models.BatchTaskConstraints(max_wall_clock_time=datetime.timedelta(milliseconds=1))
    house.batch.replace_task(job, task, models.BatchTask(constraints=limit))
    failure = house.wait_for_task(job, task).execution_info.failure_info
    assert failure.code == "TaskEnded"
    assert "PT0.001S" in failure.message
