"""Tasks over nodes: what is drawn, and the page around it."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from tests.portal.hostile_texts import HOSTILE
from tests.portal.service import Browser
from tests.portal.test_pools import add_nodes

from batchite.portal.pools import timeline
from batchite.resources.nodes import BriefNode
from batchite.resources.runs import NodeRun, NodeRuns
from batchite.store.batch import schema
from batchite.wire.ticks import TICKS_PER_SECOND

PAGE = "/batch/devbatch/pools/films/timeline"
S = TICKS_PER_SECOND


def run(node: int, task: str, began: int, ended: int | None, state: str = "succeeded") -> NodeRun:
    until = None if ended is None else ended * S
    return NodeRun(node, f"tvm-{node}", "job", task, state, 1, began * S, until)


def drawn(*runs: NodeRun, nodes: int = 1, job: str = "") -> timeline.Drawing:
    present = [BriefNode(number, f"tvm-{number}", "idle") for number in range(1, nodes + 1)]
    return timeline.of(NodeRuns(runs, 0), present, 0, 100 * S, job)


def test_runs_at_the_same_time_have_lanes_of_their_own_and_later_ones_the_first_free() -> None:
    found = drawn(run(1, "a", 0, 50), run(1, "b", 10, 20), run(1, "c", 20, 30), run(1, "d", 60, None))
    (node,) = found.nodes
    assert node.lanes == 2
    assert [(bar.task, bar.lane) for bar in node.bars] == [("a", 0), ("b", 1), ("c", 1), ("d", 0)]
    assert [(bar.begin, bar.end) for bar in node.bars][2:] == [(20_000, 30_000), (60_000, None)]


def test_a_node_without_runs_has_a_place_and_one_that_is_gone_keeps_its_runs() -> None:
    found = drawn(run(7, "a", 0, 5), nodes=2)
    assert [(node.id, len(node.bars), node.is_gone) for node in found.nodes] == [
        ("tvm-1", 0, False),
        ("tvm-2", 0, False),
        ("tvm-7", 1, True),
    ]


def test_other_jobs_than_the_one_looked_at_are_marked() -> None:
    other = run(1, "b", 2, 3)._replace(job_id="other")
    found = drawn(run(1, "a", 0, 1), other, job="job")
    assert [(found.jobs[bar.job], bar.is_other) for bar in found.nodes[0].bars] == [
        ("job", False),
        ("other", True),
    ]


def test_the_time_in_which_something_ran_is_counted_once() -> None:
    runs = [run(1, "a", 10, 30), run(1, "b", 20, 40, "failed"), run(1, "c", 90, None)]
    (node,) = timeline.sums(NodeRuns(runs, 0), [], 0, 100 * S)
    assert (node.runs, node.failed, node.busy) == (3, 1, 40)


async def ran(operator: Browser, task: str, node: int, ended: float | None, **values: object) -> None:
    """As the owner writes it; `ended` is so many seconds ago."""
    now = operator.clock.now().ticks
    at = now if ended is None else now - int(ended * S)
    state = "running" if ended is None else "completed"
    await operator.api.add_task(task)
    node_id = f"tvm-{node - 1}"
    result = {} if ended is None else {"ended": at, "result": "success"}
    started = {"started": at - S, "state_time": at, "state": state, "node_no": node, "node_id": node_id}
    await operator.api.update_task(task, **{**started, **result, **values})


async def test_what_ran_lately_is_drawn_by_its_result(operator: Browser) -> None:
    await operator.api.add_pool("films")
    await add_nodes(operator, 2)
    await operator.api.add_job("job", "films")
    await ran(operator, "good", 1, 60)
    await ran(operator, "bad", 2, 120, result="failure", exit_code=3)
    await ran(operator, "old", 1, 7200)
    await ran(operator, "now", 1, None)
    await operator.api.add_task("waits")
    answer = await operator.get(f"{PAGE}/data")
    assert answer.headers["content-type"] == "application/json"
    told = json.loads(answer.text)
    seen = {node["id"]: [(bar[5], bar[3]) for bar in node["bars"]] for node in told["nodes"]}
    assert seen == {"tvm-0": [("good", "succeeded"), ("now", "running")], "tvm-1": [("bad", "failed")]}
    page = await operator.page(PAGE)
    assert "3 runs in the last hour, 1 failed." in page
    assert "4 runs in the last 6 hours" in await operator.page(f"{PAGE}?span=6%20hours")


async def test_of_too_many_runs_the_last_are_drawn_and_the_page_says_so(
    operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "MOST_RUNS", 4)
    await operator.api.add_pool("films")
    await add_nodes(operator, 2)
    await operator.api.add_job("job", "films")
    for number in range(5):
        await ran(operator, f"t{number}", 1, 100 * number)
    await ran(operator, "before", 2, 1000)
    told = json.loads((await operator.get(f"{PAGE}/data")).text)
    assert [[bar[5] for bar in node["bars"]] for node in told["nodes"]] == [["t1", "t0"], []]
    assert "there is more than is drawn" in await operator.page(PAGE)


async def test_nodes_that_are_gone_and_strange_names_are_no_trouble(operator: Browser) -> None:
    await operator.api.add_pool("films")
    await operator.api.add_job("job", "films")
    assert "Nothing has run" in await operator.page(PAGE)
    now = operator.clock.now().ticks
    span = {"account": "devbatch", "pool_no": 1, "pool_key": "films", "pool_id": "films", "node_no": 9}
    span |= {"vm_size": "x", "dedicated": True, "cores": 2, "began": 1, "ended": now}
    await operator.api.database.write(lambda c: c.execute(sa.insert(schema.node_spans), span))
    await ran(operator, "t", 9, 30, node_id=HOSTILE)
    page = await operator.page(PAGE)
    assert "has left the pool" in page
    assert "<script>alert" not in page
    assert (await operator.get(f"{PAGE}?span=..&job=%3Cscript%3Ealert")).status == 200
    assert (await operator.get("/batch/devbatch/pools/none/timeline")).status == 404
