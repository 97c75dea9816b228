"""`node shell`, with nodes and terminals that are real."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from tests.cli.test_nouns import told
from tests.product.survival.house import until
from tests.service.house import pool_options

from batchite.cli import exits
from batchite.testing import RunningService, running_service

PATIENCE = 60.0
MACHINE = pytest.param("machine", marks=pytest.mark.system)


@pytest.fixture(scope="module", params=["process", MACHINE])
def service(request: pytest.FixtureRequest) -> Iterator[RunningService]:
    with running_service(variables={"BATCHITE_SANDBOX_TIER": request.param}) as running:
        client = batch(running)
        client.create_pool(pool_options("p", 1))
        until(lambda: [*client.list_nodes("p", filter="state eq 'idle'")] != [], "the node is idle")
        yield running


def batch(service: RunningService) -> BatchClient:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return BatchClient(service.batch_url, credential)


def words(service: RunningService, *more: str, pool: str = "p") -> list[str]:
    (node,) = told(service, "node", "list", "--pool", pool)
    before = [sys.executable, "-m", "batchite", "node", "shell", "--data-dir", str(service.data_dir)]
    return [*before, node["id"], *more]


def run(service: RunningService, *more: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(service, *more), input=given, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


class Terminal:
    """What somebody sees of a command, and types."""

    def __init__(self, ours: int, pid: int) -> None:
        self.ours = ours
        self.pid = pid
        self.seen = b""

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(deadline - time.monotonic(), 0))
            assert ready, self.seen
            self.seen += os.read(self.ours, 1 << 16)
        self.seen = self.seen.partition(text.encode())[2]

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def exit_code(self) -> int:
        """Once it has ended; what is printed last is read."""
        deadline = time.monotonic() + PATIENCE
        while True:
            ready, _, _ = select.select([self.ours], [], [], max(deadline - time.monotonic(), 0))
            assert ready, self.seen
            try:
                self.seen += os.read(self.ours, 1 << 16)
            except OSError:  # nobody has the other end any more
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def terminal(service: RunningService, *more: str, pool: str = "p") -> Iterator[Terminal]:
    called = words(service, *more, pool=pool)
    pid, ours = pty.fork()
    if pid == 0:
        os.execv(called[0], called)  # noqa: S606
    one = Terminal(ours, pid)
    one.resize(30, 90)
    try:
        yield one
    finally:
        os.close(ours)


def test_a_command_has_the_environment_of_tasks_and_its_exit_code_is_passed_on(
    service: RunningService,
) -> None:
    (node,) = told(service, "node", "list", "--pool", "p")
    script = 'echo "$AZ_BATCH_NODE_ID $AZ_BATCH_POOL_ID"; pwd; cat; exit 7'
    answer = run(service, "--", "sh", "-c", script, given="typed\n")
    first, place, typed = answer.stdout.splitlines()
    assert (first, typed, answer.returncode) == (f"{node['id']} p", "typed", 7)
    root = run(service, "--", "printenv", "AZ_BATCH_NODE_ROOT_DIR").stdout.strip()
    assert place == root or node["id"] in place  # by its short name, or where that leads
    assert run(service, "--", "/no/such/program").returncode == 127


def test_who_one_is(service: RunningService) -> None:
    (node,) = told(service, "node", "list", "--pool", "p")
    ordinary = run(service, "--", "sh", "-c", "echo $USER; id -un").stdout.split()
    elevated = run(service, "--elevated", "--pool", "p", "--", "sh", "-c", "echo $USER; id -u").stdout.split()
    assert (ordinary[0], elevated[0]) == ("_azbatch", "root")
    if node["batchite"]["tier"] == "machine":
        assert (ordinary[1], elevated[1]) == ("_azbatch", "0")


def test_a_shell_on_a_terminal(service: RunningService) -> None:
    """Job control, Ctrl-C, the size of the window as it changes, and the exit code."""
    with terminal(service) as shell:
        shell.type("echo be''gun; tty -s && echo on a term''inal\n")
        shell.wait_for("begun")
        shell.wait_for("on a terminal")
        shell.type("stty size; echo si''zed\n")
        shell.wait_for("30 90")
        shell.wait_for("sized")
        shell.resize(40, 100)
        shell.type("sleep 0.2; stty size\n")
        shell.wait_for("40 100")
        shell.type("sh -c \"echo wai''ting; exec sleep 600\"\n")  # whose turn it is before it says so
        shell.wait_for("waiting")
        shell.type("\x03")
        shell.type("echo code $?\n")
        shell.wait_for("code 130")
        shell.type("exit 3\n")
        assert shell.exit_code() == 3


def test_nodes_that_are_not_there(service: RunningService) -> None:
    for name, code in (("nosuch", exits.NOT_FOUND), ("../nodes", exits.USAGE), (".", exits.USAGE)):
        called = [*words(service)[:-1], name]
        answer = subprocess.run(called, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (answer.returncode, answer.stdout) == (code, "")
        assert answer.stderr.startswith("batchite: ")


def test_a_shell_ends_with_its_node(service: RunningService) -> None:
    client = batch(service)
    client.create_pool(pool_options("brief", 1))
    until(lambda: [*client.list_nodes("brief", filter="state eq 'idle'")] != [], "the node is idle")
    with terminal(service, pool="brief") as shell:
        shell.type("echo be''gun\n")
        shell.wait_for("begun")
        client.begin_delete_pool("brief")
        assert shell.exit_code() == exits.FAILED
        assert b"has ended, and the shell with it" in shell.seen
