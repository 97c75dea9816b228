"""Rules that need no agent: limits, redirects, failures of the system."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from batchite.link.messages import Run
from batchite.link.spec import NodeUser
from batchite.nodes import definition, failures
from batchite.nodes.definition import Constraints, Definition, UserIdentity
from batchite.nodes.link import redirect, websocket_url
from batchite.nodes.runs import system_changes, wall_clock
from batchite.nodes.runs.failed_runs import MAX_KEPT, FailedRuns
from batchite.nodes.runs.phases.base import Work
from batchite.nodes.sandbox.base import Tier
from batchite.nodes.users import Users


@pytest.mark.parametrize(
    ("written", "limit"),
    [("PT5M", "PT5M"), ("PT0S", "PT0S"), ("P10675199DT2H48M5.4775807S", None), (None, None)],
)
def test_wall_clock_limits(written: str | None, limit: str | None) -> None:
    read = Definition("x", constraints=Constraints(written))
    assert wall_clock.limit(wall_clock.written(read)) == limit


@pytest.mark.parametrize(
    ("identity", "of_task", "of_start_task"),
    [
        ("null", ("_azbatch", "PoolNonAdmin"), ("_azbatchtask_start", "TaskNonAdmin")),
        (
            '{"autoUser": {"scope": "task", "elevationLevel": "nonadmin"}}',
            ("_azbatchtask_17", "TaskNonAdmin"),
            ("_azbatchtask_start", "TaskNonAdmin"),
        ),
        ('{"autoUser": {"scope": "task", "elevationLevel": "admin"}}', *[("root", "TaskAdmin")] * 2),
        ('{"autoUser": {"elevationLevel": "admin"}}', *[("root", "PoolAdmin")] * 2),
        ('{"autoUser": {}}', *[("_azbatch", "PoolNonAdmin")] * 2),
        ('{"username": "anna"}', *[("anna", "anna")] * 2),
    ],
)
def test_as_whom_tasks_run(identity: str, of_task: tuple[str, str], of_start_task: tuple[str, str]) -> None:
    read = definition.decode(f'{{"commandLine": "true", "userIdentity": {identity}}}'.encode())
    users = Users([NodeUser("anna")])
    for user, expected in (
        (users.of("task", 17, read.user_identity), of_task),
        (users.of("starttask", 0, read.user_identity), of_start_task),
    ):
        assert user == (*expected, expected[0] == "root", None)


def test_tasks_run_as_the_pools_accounts_and_as_no_others() -> None:
    users = Users([NodeUser("anna", is_admin=True), NodeUser("ben", number=1234)])
    assert users.of("task", 1, UserIdentity("anna")) == ("anna", "anna", True, None)
    assert users.of("starttask", 0, UserIdentity("ben")) == ("ben", "ben", False, 1234)
    for call in (
        lambda: users.of("task", 1, UserIdentity("Anna")),
        lambda: users.of("starttask", 0, UserIdentity("x")),
    ):
        with pytest.raises(failures.RunError, match="userAccounts: anna, ben") as caught:
            call()
        assert (caught.value.failure.category, caught.value.failure.code) == (
            "usererror",
            "CommandLaunchFailed",
        )
    with pytest.raises(failures.RunError, match="userAccounts: none"):
        Users().of("task", 1, UserIdentity("anna"))


@pytest.mark.parametrize(
    ("url", "target", "expected"),
    [
        ("ws://a:1/-/nodes/n/link", "http://b:2/-/nodes/n/link", "ws://b:2/-/nodes/n/link"),
        ("ws://a:1/-/nodes/n/link", "https://b/x", "wss://b/x"),
        ("ws://a:1/-/nodes/n/link", "/other", "ws://a:1/other"),
        ("wss://ws.a/-/nodes/n/link", "/other", "wss://ws.a/other"),
    ],
)
def test_redirects(url: str, target: str, expected: str) -> None:
    assert redirect(url, target) == expected


@pytest.mark.parametrize(("url", "target"), [("wss://a/x", "http://a/x"), ("ws://a/x", "file:///etc/passwd")])
def test_redirects_that_would_give_the_credential_away(url: str, target: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        redirect(url, target)


def test_websocket_addresses() -> None:
    assert websocket_url("http://a:1") == "ws://a:1"
    assert websocket_url("https://a/b") == "wss://a/b"


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "DiskFull"), (errno.EDQUOT, "DiskFull"), (errno.EIO, "X")]
)
def test_failures_of_the_system(number: int, code: str) -> None:
    failure = failures.of_system(OSError(number, os.strerror(number)), "X", "writing")
    assert (failure.category, failure.code) == ("servererror", code)


def test_failed_runs_are_remembered_for_a_while() -> None:
    def run(number: int, retries: int = 0, requeues: int = 0) -> Run:
        return Run(number, 1, "job", f"t{number}", 1, b"", retries, requeues)

    failed = FailedRuns()
    failed.add(run(0))
    failed.add(run(1, retries=4, requeues=2))
    assert failed.precede(run(1, retries=5, requeues=2))
    assert not failed.precede(run(1, retries=5, requeues=2))
    for number in range(1, MAX_KEPT + 1):
        failed.add(run(number))
    assert not failed.precede(run(0, retries=1))
    assert failed.precede(run(1, retries=1))
    assert failed.precede(run(MAX_KEPT, retries=1))


@pytest.mark.parametrize(
    ("exit_code", "said"),
    [
        (1, "ended with exit code 1"),
        (255, "ended with exit code 255"),
        (128, "ended with exit code 128"),
        (-7, "ended with exit code -7"),
        (137, "killed by SIGKILL, often for want of memory"),
        (139, "killed by SIGSEGV."),
    ],
)
def test_failures_of_exit_codes_say_what_the_service_says_and_name_signals(exit_code: int, said: str) -> None:
    failure = failures.of_exit_code(exit_code)
    assert (failure.category, failure.code) == ("usererror", "FailureExitCode")
    assert failure.message == "The task exited with an exit code representing a failure"
    (message, text), (code, value) = failure.details
    assert (message, code, value) == ("Message", "AdditionalErrorCode", "FailureExitCode")
    assert said in text


HERE = Tier("process", "There is no machine tier for who is not root.")


@pytest.mark.parametrize(
    ("command_line", "program"),
    [
        ("apt-get -y install gcc", "apt-get"),
        ("/bin/sh -c 'cp a b && /usr/bin/apt-get update'", "apt-get"),
        ("sh -c 'dpkg -i a.deb'", "dpkg"),
    ],
)
def test_who_may_not_change_the_system_is_told_what_it_takes(command_line: str, program: str) -> None:
    said = system_changes.note(command_line, HERE, is_admin=True, is_root=False)
    assert said.startswith(f"{program} changes the system of a node, which takes the machine tier")
    assert HERE.why in said
    assert failures.of_exit_code(100, note=said).details[0][1].count(said) == 1


@pytest.mark.parametrize(
    ("command_line", "tier", "is_admin", "is_root"),
    [
        ("my-apt-get x", HERE, True, False),
        ("cat apt.txt", HERE, True, False),
        ("apt-get update", HERE, False, False),
        ("apt-get update", HERE, True, True),
        ("apt-get update", Tier("machine", ""), True, False),
    ],
)
def test_everybody_else_is_not(command_line: str, tier: Tier, is_admin: bool, is_root: bool) -> None:
    assert system_changes.note(command_line, tier, is_admin=is_admin, is_root=is_root) == ""


async def test_work_that_is_given_up_is_over_when_it_has_put_away_what_it_used() -> None:
    put_away = asyncio.Event()

    async def fetch() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            put_away.set()

    work = Work(fetch)
    await work.over()
    assert not work.begin(lambda _: None)
    await asyncio.sleep(0)
    work.cancel(0)
    assert not put_away.is_set()
    await work.over()
    assert put_away.is_set()
