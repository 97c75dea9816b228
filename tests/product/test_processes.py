"""A service process and its supervisor's words."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from batchite import accounts, endpoints
from batchite.accounts import DEVELOPMENT_ACCOUNTS
from batchite.endpoints import Service
from batchite.processes import Launch

DEADLINE = 60


def launch(service: Service, data_dir: Path, listening: int, port: int) -> bytes:
    told = Launch(
        service=service,
        listening=listening,
        url=f"http://127.0.0.1:{port}",
        data_dir=str(data_dir),
        environment={},
        trusted_proxies=(),
        host_suffix="",
        log_level="warning",
    )
    return msgspec.json.encode(told) + b"\n"


@pytest.mark.parametrize("service", ["batch", "blob"])
@pytest.mark.parametrize("word", [b"stop\n", b""])
def test_a_process_told_to_stop_while_it_starts_does(tmp_path: Path, service: Service, word: bytes) -> None:
    accounts.save(DEVELOPMENT_ACCOUNTS, tmp_path)
    with endpoints.listen("127.0.0.1", 0) as sock:
        line = launch(service, tmp_path, sock.fileno(), sock.getsockname()[1])
        command = [sys.executable, "-m", "batchite.processes"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[sock.fileno()]
        ) as process:
            assert process.stdin is not None
            process.stdin.write(line + word)
            process.stdin.flush()
            if not word:
                process.stdin.close()
            assert process.wait(DEADLINE) == 0
