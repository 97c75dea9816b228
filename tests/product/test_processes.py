"""A service process as the supervisor meets it: told by a socket, from the very beginning."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batchite.configuration import accounts
from batchite.configuration.endpoints import Service
from batchite.processes.launch import READY, STOP, Launch, send

DEADLINE = 60.0


@contextmanager
def process(service: Service) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """With the socket to speak to it."""
    channel, theirs = socket.socketpair()
    command = [sys.executable, "-m", "batchite.processes", service]
    with channel, subprocess.Popen(command, stdin=theirs, stderr=subprocess.PIPE) as running:
        theirs.close()
        try:
            yield running, channel
        finally:
            running.kill()


@pytest.mark.parametrize("service", ["batch", "blob"])
def test_a_stop_is_heard_even_when_it_comes_at_once(tmp_path: Path, service: Service) -> None:
    accounts.save(accounts.DEVELOPMENT_ACCOUNTS, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening, process(service) as (running, channel):
        launch = Launch(
            service=service,
            url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            data_dir=str(tmp_path),
            environment={},
            trusted_proxies=(),
            log_level="warning",
        )
        send(channel, launch, listening)
        channel.sendall(STOP)  # and the socket stays open: only the word can end the process
        assert running.wait(DEADLINE) == 0
        assert channel.recv(64) == READY


@pytest.mark.parametrize("service", ["batch", "blob"])
def test_a_process_that_is_never_launched_ends_in_silence(service: Service) -> None:
    with process(service) as (running, channel):
        channel.close()
        assert running.wait(DEADLINE) == 0
        assert running.stderr is not None
        assert running.stderr.read() == b""
