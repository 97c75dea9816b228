"""Nodes that are rebooted, made anew, or deallocated and started again, while they run tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final, Literal

from azure.batch import models as m
from azure.batch.models import _models as internal
from tests.product.survival.pools import add_pool, idle_or_busy, node_ids
from tests.product.survival.strands.proof import check_once, was_ended
from tests.product.survival.strands.strand import Strand

Change = Literal["reboot", "reimage", "deallocate"]

BOOTING: Final = "booting"
JOB: Final = "boots"
NODES: Final = 2
OPTIONS: Final = ("requeue", "requeue", "taskcompletion", "terminate", "retaineddata")
FIDELITY: Final = "reimages_all = true\n"
LATE: Final = frozenset(
    {
        "NodeBeingCreated",
        "NodeBeingRebooted",
        "NodeBeingReimaged",
        "NodeBeingStarted",
        "NodeNotFound",
        "NodeStateUnusable",
        "OperationInvalidForCurrentState",
        "OperationNotValidOnNode",
        "ResourceNotFound",
    }
)
"""What is answered of a node that has begun it, or has been killed meanwhile."""
RETENTION = timedelta(seconds=2)
"""Of files, for which `retaineddata` waits."""


class Boots(Strand):
    def begin(self) -> None:
        start_task = m.BatchStartTask(command_line=self.toll.boot(), wait_for_success=True)
        add_pool(self.client, BOOTING, 8, target_dedicated_nodes=NODES, start_task=start_task)
        self.jobs.add(JOB, BOOTING)
        self.ends_tasks = False
        self.changes = 0
        """that were carried out"""

    def step(self) -> None:
        constraints = m.BatchTaskConstraints(retention_time=RETENTION)
        self.jobs.fill(JOB, 8, 6, self.dice, constraints=constraints)
        nodes = sorted(idle_or_busy(self.client, BOOTING))
        if nodes:
            change: Change = self.dice.choice(("reboot", "reboot", "reimage", "deallocate"))
            self._change(self.dice.choice(nodes), change, self.dice.choice(OPTIONS))

    def finish(self) -> None:
        self.until(lambda: len(idle_or_busy(self.client, BOOTING)) == NODES, "all nodes are back")
        self.jobs.end_with_their_tasks(JOB)
        super().finish()

    def _change(self, node: str, change: Change, option: str) -> None:
        boots = self.toll.boots(node)
        self.ends_tasks |= option == "terminate"
        self.insist_late(partial(self._call(change), node, option), LATE)
        if change == "deallocate":
            self.until(lambda: self._state(node) not in ("deallocating", "idle", "running"), f"{node} rests")
            if self._state(node) == "deallocated":
                self.insist_late(lambda: self.client._start_node_internal(BOOTING, node), LATE)
        self.until(lambda: self._state(node) in ("idle", "running", "gone"), f"{node} is back ({change})")
        if self._state(node) != "gone" and node not in self.house.killed_nodes:
            assert self.toll.boots(node) > boots, f"{node} has not booted: {change}, {option}"
            self.changes += 1

    def _call(self, change: Change) -> Callable[[str, str], None]:
        def reboot(node: str, option: str) -> None:
            self.client._reboot_node_internal(
                BOOTING, node, internal.BatchNodeRebootOptions(node_reboot_kind=option)
            )

        def reimage(node: str, option: str) -> None:
            self.client._reimage_node_internal(
                BOOTING, node, internal.BatchNodeReimageOptions(node_reimage_option=option)
            )

        def deallocate(node: str, option: str) -> None:
            self.client._deallocate_node_internal(
                BOOTING, node, internal.BatchNodeDeallocateOptions(node_deallocate_option=option)
            )

        return {"reboot": reboot, "reimage": reimage, "deallocate": deallocate}[change]

    def _state(self, node: str) -> str:
        found = {each.id: each.state for each in self.insist(lambda: list(self.client.list_nodes(BOOTING)))}
        return found.get(node) or "gone"

    def check(self) -> None:
        """The nodes are there; tasks ran again as often as the record says, unless a node was killed."""
        assert self.changes > 0
        assert len(node_ids(self.client, BOOTING)) == NODES
        for name, task in self.jobs.recorded(JOB).items():
            assert self.ends_tasks or not was_ended(task), task
            check_once(self.house, task, self.toll.runs(name), self.jobs.tasks[JOB][name])
