"""A service process as the supervisor meets it: told by standard input, from the very beginning."""

import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from batchite import accounts
from batchite.endpoints import Service
from batchite.processes import Launch


@pytest.mark.parametrize("service", ["batch", "blob"])
def test_a_stop_is_heard_even_when_it_comes_at_once(tmp_path: Path, service: Service) -> None:
    accounts.save(accounts.DEVELOPMENT_ACCOUNTS, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        launch = Launch(
            service=service,
            listening=listening.fileno(),
            url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            data_dir=str(tmp_path),
            environment={},
            trusted_proxies=(),
            log_level="warning",
        )
        with subprocess.Popen(
            [sys.executable, "-m", "batchite.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(listening.fileno(),),
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(msgspec.json.encode(launch) + b"\nstop\n")
            process.stdin.flush()  # and stays open: only the word can end the process
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()
            assert process.stdout.read() == b"ready\n"
