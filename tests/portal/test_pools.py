"""The page of a pool: its nodes at a glance, what keeps it, and the form by which pools are added."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.batch.service import Node
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Browser, serving
from tests.portal.streams import following, stream_of

from batchite.portal import live
from batchite.portal.pools import glance
from batchite.portal.visit import ROOT
from batchite.store.batch import schema
from batchite.store.database import Database

POOL = "/batch/devbatch/pools/films"
NEW = "/batch/devbatch/new-pool"
FORM = {
    "id": "films",
    "size": "Standard_D2s_v3",
    "image": "canonical:0001-com-ubuntu-server-jammy:22_04-lts",
    "dedicated": "2",
}


def cells(page: str) -> list[tuple[str, str, str]]:
    """Classes, link and name of each."""
    found = re.findall(r'<a class="cell ([^"]+)" href="([^"]+)" title="([^"]*)">', page)
    return [(look, to, unescape(text)) for look, to, text in found]


async def add_nodes(operator: Browser, number: int, state: str = "idle") -> None:
    """As the owner of the shard would."""
    row = {"pool_no": 1, "dedicated": True, "state": state, "state_time": 3, "allocated": 1}
    rows = [{**row, "id": f"tvm-{each}"} for each in range(number)]
    await operator.api.database.write(lambda c: c.execute(sa.insert(schema.nodes), rows))


# -- at a glance


async def test_every_node_is_seen_at_a_glance(operator: Browser) -> None:
    await operator.api.add_pool("films", taskSlotsPerNode=4)
    await add_nodes(operator, 300)
    await operator.api.add_job("job", "films")
    await operator.api.add_task("t", requiredSlots=3)
    on_node = sa.select(schema.nodes.c.node_no).where(schema.nodes.c.id == "tvm-7").scalar_subquery()
    await operator.api.update_task("t", state="running", node_no=on_node, started=5)
    broken = sa.update(schema.nodes).where(schema.nodes.c.id == "tvm-9").values(state="unusable")
    await operator.api.database.write(lambda c: c.execute(broken))
    page = await operator.page(POOL)
    found = cells(page)
    assert len(found) == 300
    assert found[0] == ("good f0", "films/nodes/tvm-0", "tvm-0: idle, 0 of 4 slots")
    assert found[7] == ("good f6", "films/nodes/tvm-7", "tvm-7: idle, 3 of 4 slots")
    assert found[9][0] == "bad f0"
    assert "tvm-9: unusable" in found[9][2]
    (section,) = re.findall(r'<section [^>]*id="glance".*?</section>', page, re.DOTALL)
    assert len(section) / 300 < 120, "it is sent again and again"
    assert len(cells(await operator.page(f"{POOL}?q=state:unusable"))) == 300, "whatever is listed below"


async def test_a_cell_follows_the_tasks_of_its_node(
    operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.0)
    await operator.api.add_pool("films", taskSlotsPerNode=4)
    await add_nodes(operator, 1)
    await operator.api.add_job("job", "films")
    await operator.api.add_task("t", requiredSlots=2)
    page = await operator.page(POOL)
    assert cells(page)[0][2] == "tvm-0: idle, 0 of 4 slots"
    async with following(operator, stream_of(page)) as stream:
        await operator.api.update_task("t", state="running", node_no=1, started=5)
        await operator.api.add_task("next")  # by which the page hears of it
        assert cells((await stream.next())["data"])[0][2] == "tvm-0: idle, 2 of 4 slots"


async def test_of_too_many_nodes_the_first_are_seen(
    operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "MOST", 10)
    await operator.api.add_pool("films")
    await add_nodes(operator, 10)
    assert "The first" not in await operator.page(POOL)
    await operator.api.add_node("tvm-last", "films")
    page = await operator.page(POOL)
    assert len(cells(page)) == 10
    assert "The first 10 of 11 nodes." in page


async def test_strange_names_of_nodes_are_seen_and_do_nothing(operator: Browser) -> None:
    await operator.api.add_pool("films")
    await operator.api.add_node(HOSTILE, "films", state="starttaskfailed")
    page = await operator.page(POOL)
    ((_, to, text),) = cells(page)
    assert text.startswith(unescape(SEEN))
    assert re.fullmatch(r"films/nodes/[\w%.~-]+", to)
    assert "<script>alert" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


@pytest.mark.parametrize(
    ("taken", "slots", "level"),
    [(0, 1, 0), (1, 1, 8), (1, 256, 1), (255, 256, 7), (128, 256, 4), (300, 256, 8), (2, 4, 4)],
)
def test_a_cell_is_full_only_if_its_node_is(taken: int, slots: int, level: int) -> None:
    assert glance.level(taken, slots) == level


# -- what keeps it


async def test_a_failing_start_task_is_understood_from_the_pool(operator: Browser) -> None:
    await operator.api.add_pool("films", startTask={"commandLine": "prepare"}, targetDedicatedNodes=3)
    await add_nodes(operator, 3, "starttaskfailed")
    await operator.api.update(schema.nodes, start_task_exit_code=37)
    files: dict[str, bytes | None] = {"startup/stderr.txt": b"looking\nno package <b>\x1b[2J\x07\n"}
    operator.api.files.nodes["tvm-0"] = Node(files)
    page = await operator.page(POOL)
    assert "3 nodes are unusable: the start task failed with exit code 37." in page
    assert "mend the start task" in page
    assert page.count(f'<a href="{ROOT}{POOL}/nodes/tvm-0">tvm-0</a>') >= 2
    (printed,) = re.findall(r"stderr.txt</h3>\s*<pre [^>]*>(.*?)</pre>", page, re.DOTALL)
    assert printed == "looking\nno package &lt;b&gt;⟨0007⟩"


async def test_a_start_task_that_is_run_again_is_told_of(operator: Browser) -> None:
    await operator.api.add_pool("films", startTask={"commandLine": "prepare"}, targetDedicatedNodes=1)
    await add_nodes(operator, 1, "waitingforstarttask")
    info = b'{"state":"running","startTime":"2026-01-01T00:00:00Z","retryCount":2}'
    await operator.api.update(schema.nodes, start_task_exit_code=5, start_task_info=info)
    operator.api.files.nodes["tvm-0"] = Node({"startup/stdout.txt": b"the mirror is busy\n"})
    page = await operator.page(POOL)
    assert "it failed with exit code 5 and is run again" in page
    assert "the mirror is busy" in page


async def test_output_that_cannot_be_had_is_no_obstacle(operator: Browser) -> None:
    await operator.api.add_pool("films", startTask={"commandLine": "prepare"}, targetDedicatedNodes=1)
    await add_nodes(operator, 1, "starttaskfailed")
    assert "the node cannot be asked" in await operator.page(POOL)


async def test_a_pool_without_room_says_what_there_is_not(operator: Browser) -> None:
    await operator.api.add_pool("films", targetDedicatedNodes=3)
    errors = b'[{"code":"AccountCoreQuotaReached","message":"No cores are left."}]'
    await operator.api.update(schema.pools, resize_errors=errors, allocation_state="steady")
    page = await operator.page(POOL)
    assert "Why it does not take more tasks" in page
    assert "with 0 nodes, of 3 that were asked for (AccountCoreQuotaReached)" in page


async def test_a_pool_that_has_its_nodes_says_nothing(operator: Browser) -> None:
    await operator.api.add_pool("films", targetDedicatedNodes=2)
    await operator.api.update(schema.pools, allocation_state="steady")
    await add_nodes(operator, 2)
    assert "Why it does not take more tasks" not in await operator.page(POOL)


# -- adding one


async def test_a_pool_is_added_by_a_form(operator: Browser) -> None:
    assert (await operator.page("/batch/devbatch/pools")).count(f'href="{ROOT}{NEW}"') == 2, "it is empty"
    form = await operator.page(NEW)
    assert f'<option value="{FORM["image"]}">' in form
    assert '<option value="Standard_D4s_v3">4 cores, 16.0 GiB' in form
    assert 'name="wait" value="yes" checked' in form
    more = {"spare": "1", "slots": "8", "fill": "Pack"}
    more |= {"command": "prepare", "retries": "2", "elevated": "yes"}
    more |= {"files": "http://127.0.0.1:1/prepare.sh?sig=x"}
    answer = await operator.post(NEW, {**FORM, **more})
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{POOL}")
    pool = (await operator.api.get("/pools/films")).json
    assert (pool["targetDedicatedNodes"], pool["targetLowPriorityNodes"]) == (2, 1)
    assert (pool["taskSlotsPerNode"], pool["taskSchedulingPolicy"]["nodeFillType"]) == (8, "Pack")
    assert pool["virtualMachineConfiguration"]["nodeAgentSKUId"] == "batch.node.ubuntu 22.04"
    task = pool["startTask"]
    assert (task["commandLine"], task["maxTaskRetryCount"], task["waitForSuccess"]) == ("prepare", 2, False)
    assert task["userIdentity"]["autoUser"]["elevationLevel"] == "admin"
    assert task["resourceFiles"] == [
        {"httpUrl": "http://127.0.0.1:1/prepare.sh?sig=x", "filePath": "prepare.sh"}
    ]


async def test_a_pool_without_a_start_task_has_none(operator: Browser) -> None:
    assert (await operator.post(NEW, {**FORM, "wait": "yes"})).status == 303
    assert "startTask" not in (await operator.api.get("/pools/films")).json


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"id": "a b"}, 400, "id: it"),
        ({"id": ""}, 400, "id"),
        ({"size": "spacious"}, 400, "vmSize: it must be a size such as Standard_D2s_v3"),
        ({"size": ""}, 400, "vmSize"),
        ({"image": "a:b:c"}, 400, "virtualMachineConfiguration.imageReference: it must be an image"),
        ({"image": '"><b>'}, 400, "virtualMachineConfiguration.imageReference: it must be an image"),
        ({"dedicated": "many"}, 400, "targetDedicatedNodes: it"),
        ({"spare": "-1"}, 400, "targetLowPriorityNodes: it"),
        ({"slots": "9"}, 400, "taskSlotsPerNode: it"),
        ({"fill": "Neither"}, 400, "taskSchedulingPolicy.nodeFillType: it"),
        ({"retries": "3"}, 400, "startTask.commandLine"),
        ({"command": "x", "retries": "-7"}, 400, "startTask.maxTaskRetryCount: it"),
        ({"command": "x", "files": "prepare.sh"}, 400, "write a URL or account/container/blob"),
        ({"id": "taken"}, 409, "exists"),
    ],
)
async def test_what_is_wrong_with_a_form_is_said_and_nothing_typed_is_lost(
    operator: Browser, fields: dict[str, str], status: int, said: str
) -> None:
    await operator.api.add_pool("taken")
    answer = await operator.post(NEW, {**FORM, "name": 'my "pool"', **fields})
    assert answer.status == status
    assert said in re.search(r'role="alert">([^<]+)', answer.text)[1]  # type: ignore[index]
    assert 'value="my &#34;pool&#34;"' in answer.text
    assert 'name="wait" value="yes">' in answer.text
    for name in fields.keys() & {"id", "size", "image", "dedicated", "spare", "slots", "retries"}:
        typed = re.search(rf'name="{name}"[^>]* value="([^"]*)"', answer.text)[1]  # type: ignore[index]
        assert unescape(typed) == fields[name]
    assert (await operator.api.get("/pools/films")).status == 404


async def test_a_portal_for_reading_adds_no_pool(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, is_read_only=True) as browser:
        await browser.enter()
        assert "new-pool" not in await browser.page("/batch/devbatch/pools")
        answer = await browser.get(NEW)
        assert answer.status == 403
        assert "<textarea" not in answer.text
        assert (await browser.get("/batch/devbatch/new-job")).status == 403
        assert (await browser.post(NEW, FORM)).status == 403
        assert (await browser.api.get("/pools/films")).status == 404
