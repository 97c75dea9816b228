"""A pool whose formula wants another number of nodes every few seconds, while tasks run on them."""

from __future__ import annotations

from typing import Any, Final

from azure.batch import models as m
from tests.product.survival.insisting import send
from tests.product.survival.pools import add_pool
from tests.product.survival.strands.proof import check_once, was_ended
from tests.product.survival.strands.strand import Strand

from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

BREATHING: Final = "breathing"
JOB: Final = "scaling"
INTERVAL: Final = 4
"""Seconds from one turn of the formula to the next."""
FORMULA: Final = (
    "n = floor(time().second / 10); $TargetDedicatedNodes = n - 3 * floor(n / 3);"
    "$NodeDeallocationOption = n > 2 ? taskcompletion : requeue;"
)
FIDELITY: Final = f"autoscale_sample = 1\nautoscale_interval = {INTERVAL}\nautoscale_pause = 0\n"
"""Of the services' [fidelity], so that it may be so quick."""


class Scaling(Strand):
    rest = 2.0

    def begin(self) -> None:
        add_pool(
            self.client,
            BREATHING,
            4,
            enable_auto_scale=True,
            auto_scale_formula=FORMULA,
            auto_scale_evaluation_interval=f"PT{INTERVAL}S",
        )
        self.jobs.add(JOB, BREATHING)

    def step(self) -> None:
        self.jobs.fill(JOB, 6, 6, self.dice)

    def finish(self) -> None:
        """With as many nodes as the last turn has asked for, and then with one."""
        self.insist(lambda: self.client.disable_pool_auto_scale(BREATHING))
        asked = [turn["results"] for turn in self._log() if turn["what"] == "resized"]
        assert asked
        wanted = int(asked[0].split(";")[0].partition("=")[2])
        self.until(lambda: self._has(wanted), f"{BREATHING} has {wanted} nodes")
        if wanted == 0:
            one = m.BatchPoolResizeOptions(target_dedicated_nodes=1)
            self.insist_late(lambda: self.client._resize_pool_internal(BREATHING, one), {"PoolBeingResized"})
        self.jobs.end_with_their_tasks(JOB)
        super().finish()

    def _has(self, nodes: int) -> bool:
        pool = self.insist(lambda: self.client.get_pool(BREATHING))
        assert pool.target_dedicated_nodes == nodes
        return (pool.allocation_state, pool.current_dedicated_nodes) == ("steady", nodes)

    def _log(self) -> list[dict[str, Any]]:
        """The latest first."""
        path = f"/-/pools/{BREATHING}/autoscale"
        found = self.insist(lambda: send(self.client, "GET", path)).json()
        return list(found["evaluations"])

    def check(self) -> None:
        """No turn was taken twice, and tasks ran again only for nodes that went."""
        turns = [Timestamp.parse(turn["time"]).ticks for turn in self._log()]
        created = Timestamp.from_datetime(self.client.get_pool(BREATHING).creation_time).ticks
        periods = [(turn - created) // (INTERVAL * TICKS_PER_SECOND) for turn in turns]
        assert len(set(periods)) == len(periods) > 0
        for name, task in self.jobs.recorded(JOB).items():
            assert not was_ended(task), task
            check_once(self.house, task, self.toll.runs(name), self.jobs.tasks[JOB][name])
