"""`batchite serve` as a user meets it: a command, its output, its signals, what is left afterwards."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from batchite.configuration.endpoints import Service
from batchite.machine import directory_lock
from batchite.testing.service import RunningService, running_service, start, stop

DEADLINE = 60.0


def health(url: str) -> object:
    with urllib.request.urlopen(f"{url}/healthz", timeout=DEADLINE) as answer:  # noqa: S310
        assert answer.status == 200
        return json.load(answer)


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Everything that runs for a data directory: supervisor, services, agents, tasks."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values(), process.cwd()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(data_dir) in text for text in told):
            found.append(process)
    return found


def child(service: RunningService, name: str) -> psutil.Process:
    """The process that holds a service's lock."""
    return psutil.Process(int((service.data_dir / f"{name}.lock").read_text()))


def test_serves_both_and_says_so(tmp_path: Path) -> None:
    service = start(tmp_path / "data")
    assert health(service.batch_url) == {"status": "ok"}
    assert health(service.blob_url.rpartition("/")[0]) == {"status": "ok"}
    text = "\n".join(service.lines)
    for value in (
        service.batch_url,
        service.blob_url,
        service.batch_account,
        service.storage_account,
        service.storage_connection_string,
        str(service.data_dir),
    ):
        assert value in text
    private = [tmp_path / "data" / name for name in ("", "blobs.db", "blobs.db-wal", "batch.db", "blobs")]
    assert [path.stat().st_mode & 0o077 for path in private] == [0] * len(private)
    assert len(processes_of(tmp_path)) == 3
    end(service, signal.SIGTERM)
    stop(service)  # stopping what has stopped is fine
    assert service.process.returncode == 0


def end(service: RunningService, number: signal.Signals) -> None:
    """The signal stops everything, with code 0."""
    service.process.send_signal(number)
    assert service.process.wait(DEADLINE) == 0
    assert processes_of(service.data_dir) == []


def test_a_second_signal_ends_by_force_what_does_not_stop(tmp_path: Path) -> None:
    service = start(tmp_path)
    child(service, "blobs").suspend()
    batch = child(service, "batch")
    service.process.send_signal(signal.SIGINT)
    batch.wait(DEADLINE)  # which is stopped first; now it is the other's turn
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(DEADLINE) == 130
    assert processes_of(tmp_path) == []


def test_a_signal_beside_the_end_of_input_is_no_second_one(tmp_path: Path) -> None:
    service = start(tmp_path, only="blob")
    assert service.process.stdin is not None
    service.process.stdin.close()
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(DEADLINE) == 0


def test_services_end_with_the_program_that_started_them(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from batchite.testing.service import start; "
        "print(start(pathlib.Path(sys.argv[1])).process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        supervisor = psutil.Process(int(process.stdout.readline()))
        process.kill()
        process.wait()
    psutil.wait_procs([supervisor], timeout=DEADLINE)
    assert processes_of(tmp_path) == []


def test_ports_are_kept_and_locks_hold_while_it_runs(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert directory_lock.is_held(tmp_path / "lock")
    second = subprocess.run(
        [sys.executable, "-m", "batchite", "serve", "--data-dir", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert second.returncode == 1
    assert f"in use by process {first.process.pid}" in second.stderr
    end(first, signal.SIGINT)
    stop(first)
    with running_service(tmp_path) as again:
        assert (again.batch_url, again.blob_url) == (first.batch_url, first.blob_url)
    assert not directory_lock.is_held(tmp_path / "lock")


@pytest.mark.parametrize(("alone", "lock"), [("batch", "batch"), ("blob", "blobs")])
def test_one_service_alone_that_dies_is_back_at_its_address(
    tmp_path: Path, alone: Service, lock: str
) -> None:
    with running_service(tmp_path, only=alone) as service:
        assert [path.stem for path in tmp_path.glob("*.db")] == [lock]
        command = [sys.executable, "-m", "batchite", "env", "--json", "--data-dir", str(tmp_path)]
        variables = json.loads(subprocess.check_output(command, text=True))
        assert ("AZURE_BATCH_ENDPOINT" in variables) is (alone == "batch")
        victim = child(service, lock)
        victim.kill()
        url = service.batch_url if alone == "batch" else service.blob_url.rpartition("/")[0]
        assert health(url) == {"status": "ok"}  # the connection waits for the next process
        assert child(service, lock).pid != victim.pid


@pytest.mark.parametrize(("kills", "code"), [(1, 0), (100, 1)])
def test_a_service_killed_before_it_is_ready_is_started_again(tmp_path: Path, kills: int, code: int) -> None:
    """Within bounds: what is killed over and over is given up."""
    command = [sys.executable, "-m", "batchite", "serve", "blob", "--data-dir", str(tmp_path), "--blob-port"]
    with contextlib.ExitStack() as stack:
        with directory_lock.held(tmp_path / "blobs.lock"):  # so that it cannot be ready, however long we take
            serving = stack.enter_context(
                subprocess.Popen([*command, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
            supervisor, killed = psutil.Process(serving.pid), set[int]()
            while len(killed) < kills and serving.poll() is None:
                for victim in supervisor.children():
                    if victim.pid not in killed and is_service(victim):
                        victim.kill()
                        killed.add(victim.pid)
        assert serving.stdout is not None
        if any(line.startswith("Ready") for line in serving.stdout):
            serving.send_signal(signal.SIGINT)
        _, said = serving.communicate(timeout=DEADLINE)
    assert (serving.returncode, "Traceback" in said) == (code, False)
    assert ("the blob process was killed by signal 9 before it was ready" in said) is (code == 1)
    assert processes_of(tmp_path) == []


def is_service(process: psutil.Process) -> bool:
    """Not for an instant, while it is still a copy of the supervisor."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return "batchite.processes" in process.cmdline()
    return False


def test_services_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    service = start(tmp_path)
    children = psutil.Process(service.process.pid).children()
    assert len(children) == 2
    service.process.kill()
    service.process.wait()
    _, alive = psutil.wait_procs(children, timeout=DEADLINE)
    assert alive == []
    assert processes_of(tmp_path) == []
    with running_service(tmp_path) as again:
        assert again.batch_url == service.batch_url
        assert health(again.batch_url) == {"status": "ok"}


def test_accounts_of_the_config_file_are_the_ones_that_exist_and_hosts_below_the_suffix_name_them(
    tmp_path: Path,
) -> None:
    config = tmp_path / "batchite.toml"
    config.write_text(
        '[[batch_accounts]]\nname = "render"\nkey = "c2VjcmV0"\nstorage_account = "films"\n'
        '[[storage_accounts]]\nname = "films"\nkey = "b3RoZXI="\n'
    )
    arguments = ["--host", "0.0.0.0", "--blob-host-suffixes", "blob.example.org"]
    with running_service(tmp_path / "data", config=config, arguments=arguments) as service:
        assert (service.batch_account, service.batch_key) == ("render", "c2VjcmV0")
        assert (service.storage_account, service.storage_key) == ("films", "b3RoZXI=")
        assert health(service.batch_url) == {"status": "ok"}
        url = service.blob_url.rpartition("/")[0]
        codes = {}
        for host in ("films.blob.example.org", "stranger.blob.example.org"):
            request = urllib.request.Request(f"{url}/container/blob", headers={"Host": host})  # noqa: S310
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=DEADLINE)  # noqa: S310
            with refused.value as answer:
                codes[host.partition(".")[0]] = answer.headers["x-ms-error-code"]
        assert codes["films"] != codes["stranger"]


def test_the_name_of_a_directory_names_no_service(tmp_path: Path) -> None:
    """Which processes to start is guessed before the arguments are understood."""
    command = [sys.executable, "-m", "batchite", "serve", "--data-dir", "blob"]
    command += ["--batch-port", "0", "--blob-port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("Ready") for line in process.stdout)
        assert {path.stem for path in (tmp_path / "blob").glob("*.db")} == {"batch", "blobs"}
        process.terminate()
        assert process.wait(DEADLINE) == 0


def test_a_refusal_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "batchite", "serve", "--data-dir", str(tmp_path), "--blob-port", "x"]
    assert subprocess.run(command, check=False, capture_output=True, timeout=DEADLINE).returncode == 2
    assert processes_of(tmp_path) == []
