"""Pools that are defined anew, with real nodes, and across a kill and a stop of the service."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from azure.batch import BatchClient
from azure.batch import models as m
from tests.product.survival.house import until
from tests.product.survival.insisting import client_of, insist
from tests.service.house import pool_options, sh

from batchite.testing import RunningService, running_service


def start_task(word: str) -> m.BatchStartTask:
    return m.BatchStartTask(command_line=sh(f"echo {word} >>$AZ_BATCH_NODE_SHARED_DIR/said"))


def the_node(client: BatchClient) -> m.BatchNode:
    """The pool's only one, when it is idle."""

    def idle() -> list[m.BatchNode]:
        return [node for node in insist(lambda: list(client.list_nodes("p"))) if node.state == "idle"]

    until(lambda: bool(idle()), "the node is idle")
    return idle()[0]


def said(client: BatchClient, node: str) -> list[str]:
    content = b"".join(insist(lambda: list(client.download_node_file("p", node, "shared/said"))))
    return content.decode().split()


def kill(service: RunningService) -> None:
    os.kill(int((service.data_dir / "batch.lock").read_text()), signal.SIGKILL)


def test_a_new_start_task_is_for_the_next_boot(tmp_path: Path) -> None:
    with running_service(tmp_path, only="batch") as service:
        client = client_of(service)
        client.create_pool(pool_options("p", 1, start_task=start_task("old")))
        node = the_node(client)
        assert said(client, node.id) == ["old"]
        client.update_pool("p", m.BatchPoolUpdateOptions(start_task=start_task("new")))
        kill(service)
        pool, still = insist(lambda: client.get_pool("p")), the_node(client)
        assert pool.start_task is not None
        assert "new" in pool.start_task.command_line
        assert still.start_task is not None
        assert (still.id, "old" in still.start_task.command_line) == (node.id, True)
        assert said(client, node.id) == ["old"]
    with running_service(tmp_path, only="batch") as service:
        client = client_of(service)
        again = the_node(client)
        assert again.start_task is not None
        assert (again.id, "new" in again.start_task.command_line) == (node.id, True)
        assert said(client, node.id) == ["old", "new"]


def test_tasks_run_as_accounts_of_the_pool_and_as_no_others(tmp_path: Path) -> None:
    accounts = [m.UserAccount(name="anna", password="hidden-word")]
    with running_service(tmp_path, only="batch") as service:
        client = client_of(service)
        client.create_pool(pool_options("p", 1, user_accounts=accounts))
        client.create_job(m.BatchJobCreateOptions(id="j", pool_info=m.BatchPoolInfo(pool_id="p")))
        for name in ("anna", "nobody"):
            identity = m.UserIdentity(username=name)
            command = sh("echo $AZ_BATCH_TASK_USER $AZ_BATCH_TASK_USER_IDENTITY $USER")
            constraints = m.BatchTaskConstraints(max_task_retry_count=3)
            client.create_task(
                "j",
                m.BatchTaskCreateOptions(
                    id=name, command_line=command, user_identity=identity, constraints=constraints
                ),
            )
        until(lambda: client.get_task("j", "anna").state == "completed", "the task ends")
        until(lambda: client.get_task("j", "nobody").state == "completed", "the other ends")
        printed = b"".join(client.download_task_file("j", "anna", "stdout.txt"))
        assert printed.decode().split() == ["anna"] * 3
        refused = client.get_task("j", "nobody")
        info = refused.execution_info
        assert info is not None
        assert info.failure_info is not None
        assert (info.result, info.exit_code, info.retry_count) == ("failure", None, 0)
        assert (info.failure_info.category, info.failure_info.code) == ("usererror", "CommandLaunchFailed")
        assert "userAccounts: anna" in (info.failure_info.message or "")
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hidden-word" not in content
