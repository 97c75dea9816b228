"""What is done with pools and nodes where one looks at them."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Browser, serving
from tests.portal.streams import following, stream_of

from batchite.portal.nodes import telling, views
from batchite.portal.visit import ROOT
from batchite.store.batch import schema
from batchite.store.database import Database

POOL = "/batch/devbatch/pools/films"
RESIZE = f"{POOL}/resize"
STOP = f"{POOL}/stop-resize"


def tell(order: str, *nodes: str) -> str:
    return f"{POOL}/tell/{order}?{urlencode([('node', quote(node)) for node in nodes])}"


def offered(page: str, node: str) -> list[str]:
    """What the row of a node leads to."""
    row = re.search(rf'<tr id="node-{node}">.*?</tr>', page, re.DOTALL)
    assert row is not None
    return re.findall(r'href="[^"]+/tell/(\w+)\?', row[0])


def links(page: str) -> set[str]:
    """What the page of a node leads to."""
    return set(re.findall(r'href="[^"]+/tell/(\w+)\?', page))


async def pool(browser: Browser, allocation: str = "steady", **given: object) -> None:
    assert (await browser.api.add_pool("films", **given)).status == 201
    await browser.api.update(schema.pools, allocation_state=allocation)


async def stored(browser: Browser, node: str) -> tuple[str, str | None, str | None, bool]:
    columns = schema.nodes.c
    query = sa.select(columns.state, columns.vacating, columns.vacating_option, columns.disabled)
    return tuple(
        (await browser.api.database.read(lambda c: c.execute(query.where(columns.id == node)))).one()
    )


async def runs(browser: Browser, node_no: int, *tasks: str) -> None:
    await browser.api.add_job("night", "films")
    for task in tasks:
        await browser.api.add_task(task, "night")
        await browser.api.update_task(task, state="running", node_no=node_no, started=5)


# -- resizing


async def test_a_pool_is_resized_by_a_form(operator: Browser) -> None:
    await pool(operator, targetDedicatedNodes=2)
    await operator.api.add_node("tvm-1", "films")
    await runs(operator, 1, "a", "b")
    assert f'href="{ROOT}{RESIZE}"' in await operator.page(POOL)
    form = await operator.page(RESIZE)
    assert 'name="dedicated" inputmode="numeric" value="2"' in form
    assert "on which 2 tasks run" in form
    assert 'value="requeue" checked' in form
    fields = {"dedicated": "5", "spare": "1", "option": "taskcompletion", "timeout": "PT30M"}
    answer = await operator.post(RESIZE, fields)
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{POOL}")
    found = (await operator.api.get("/pools/films")).json
    assert (found["targetDedicatedNodes"], found["targetLowPriorityNodes"]) == (5, 1)
    assert (found["allocationState"], found["resizeTimeout"]) == ("resizing", "PT30M")
    option = await operator.api.database.read(lambda c: c.scalar(sa.select(schema.pools.c.resize_option)))
    assert option == "taskcompletion"


async def test_a_target_that_is_not_given_stays(operator: Browser) -> None:
    await pool(operator, targetDedicatedNodes=2, targetLowPriorityNodes=3)
    assert (await operator.post(RESIZE, {"dedicated": "", "spare": "4"})).status == 303
    found = (await operator.api.get("/pools/films")).json
    assert (found["targetDedicatedNodes"], found["targetLowPriorityNodes"]) == (2, 4)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dedicated": "many"}, "targetDedicatedNodes: "),
        ({"spare": "-1"}, "targetLowPriorityNodes: "),
        ({"timeout": "PT1S"}, "resizeTimeout: "),
        ({"timeout": '"><b>'}, "resizeTimeout: "),
        ({"option": "later"}, "nodeDeallocationOption: "),
        ({"dedicated": "", "spare": ""}, "targetDedicatedNodes"),
    ],
)
async def test_a_size_that_cannot_be_is_refused_by_its_property(
    operator: Browser, fields: dict[str, str], said: str
) -> None:
    await pool(operator, targetDedicatedNodes=2)
    answer = await operator.post(RESIZE, {"dedicated": "4", "spare": "0", **fields})
    assert answer.status == 400
    assert said in re.search(r'role="alert">([^<]+)', answer.text)[1]  # type: ignore[index]
    for name in fields.keys() - {"option"}:
        typed = re.search(rf'name="{name}"[^>]* value="([^"]*)"', answer.text)[1]  # type: ignore[index]
        assert unescape(typed) == fields[name]
    assert (await operator.api.get("/pools/films")).json["targetDedicatedNodes"] == 2


@pytest.mark.parametrize(
    ("allocation", "scales", "here"),
    [
        ("steady", False, {"resize"}),
        ("resizing", False, {"stop-resize"}),
        ("stopping", False, set()),
        ("steady", True, set()),
        ("resizing", True, {"stop-resize"}),
    ],
)
async def test_only_what_can_be_done_with_a_pool_is_offered(
    operator: Browser, allocation: str, scales: bool, here: set[str]
) -> None:
    formula = {"enableAutoScale": True, "autoScaleFormula": "$TargetDedicatedNodes = 1;"} if scales else {}
    await pool(operator, allocation, **formula)
    page = await operator.page(POOL)
    found = {"resize"} if f'href="{ROOT}{RESIZE}"' in page else set()
    found |= {"stop-resize"} if 'data-dialog="stop-resize"' in page else set()
    assert found == here
    assert f'href="{ROOT}{POOL}/autoscale">{"on" if scales else "off"}</a>' in page
    assert (await operator.get(RESIZE)).status == (200 if "resize" in here else 409)
    refused = await operator.post(RESIZE, {"dedicated": "4"})
    assert refused.status == (303 if "resize" in here else 409)


async def test_a_resize_is_stopped(operator: Browser) -> None:
    await pool(operator, "resizing")
    assert (await operator.post(STOP)).status == 303
    assert (await operator.api.get("/pools/films")).json["allocationState"] == "stopping"
    answer = await operator.post(STOP)
    assert (answer.status, "allocationState is stopping" in answer.text) == (409, True)


async def test_a_resize_that_fell_short_leads_to_another(operator: Browser) -> None:
    await pool(operator)
    errors = b'[{"code":"<u>","message":"No cores are left. Raise the quota."}]'
    await operator.api.update(schema.pools, resize_errors=errors)
    page = await operator.page(POOL)
    assert "&lt;u&gt;</b>: No cores are left. Raise the quota." in page
    assert f'href="{ROOT}{RESIZE}">Resize it again</a>' in page


# -- nodes


@pytest.mark.parametrize(
    ("known", "orders"),
    [
        ({"state": "idle"}, "reboot reimage deallocate disable remove"),
        ({"state": "idle", "dedicated": False}, "reboot reimage deallocate disable preempt remove"),
        ({"state": "offline", "disabled": True}, "enable remove"),
        ({"state": "deallocated"}, "start disable remove"),
        ({"state": "rebooting"}, "disable remove"),
        ({"state": "unusable"}, "reboot reimage deallocate disable remove"),
        ({"state": "preempted", "dedicated": False}, "disable remove"),
    ],
)
async def test_only_what_its_state_permits_is_offered(
    operator: Browser, known: dict[str, object], orders: str
) -> None:
    await pool(operator)
    await operator.api.add_node("tvm-1", "films", **known)
    assert offered(await operator.page(POOL), "tvm-1") == orders.split()
    assert links(await operator.page(f"{POOL}/nodes/tvm-1")) == set(orders.split())
    for order in telling.ORDERS.keys() - set(orders.split()):
        assert (await operator.get(tell(order, "tvm-1"))).status == 409, order


async def test_nodes_of_a_pool_that_is_resized_are_not_removed(operator: Browser) -> None:
    await pool(operator, "resizing")
    await operator.api.add_node("tvm-1", "films")
    assert "remove" not in offered(await operator.page(POOL), "tvm-1")
    for answer in (await operator.get(tell("remove", "tvm-1")), await operator.post(tell("remove", "tvm-1"))):
        assert (answer.status, "allocationState is resizing" in answer.text) == (409, True)
    assert await stored(operator, "tvm-1") == ("idle", None, None, False)


@pytest.mark.parametrize(
    ("order", "option", "comes_to"),
    [
        ("reboot", "", ("rebooting", "reboot", "requeue", False)),
        ("reboot", "terminate", ("rebooting", "reboot", "terminate", False)),
        ("reimage", "taskcompletion", ("reimaging", "reimage", "taskcompletion", False)),
        ("deallocate", "retaineddata", ("deallocating", "deallocate", "retaineddata", False)),
        ("disable", "taskcompletion", ("idle", "disable", "taskcompletion", True)),
        ("preempt", "", ("idle", "preempt", "requeue", False)),
        ("remove", "taskcompletion", ("idle", "remove", "taskcompletion", False)),
    ],
)
async def test_a_node_is_told_once_it_has_been_said_what_comes_of_it(
    operator: Browser, order: str, option: str, comes_to: tuple[str, str | None, str | None, bool]
) -> None:
    await pool(operator, targetLowPriorityNodes=1)
    await operator.api.add_node("tvm-1", "films", dedicated=False)
    await runs(operator, 1, "a", "b")
    page = await operator.page(tell(order, "tvm-1"))
    assert "2 tasks run</b> there" in page
    assert telling.ORDERS[order].effect in unescape(page)
    assert ("What becomes of tasks that run there" in page) == bool(telling.ORDERS[order].options)
    assert await stored(operator, "tvm-1") == ("idle", None, None, False), "it was only asked"
    answer = await operator.post(tell(order, "tvm-1"), {"option": option})
    back = POOL if order == "remove" else f"{POOL}/nodes/tvm-1"
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{back}")
    assert (await stored(operator, "tvm-1"))[1:] == comes_to[1:]
    if order != "remove":
        assert (await stored(operator, "tvm-1"))[0] == comes_to[0]


async def test_a_node_is_started_and_takes_tasks_again(operator: Browser) -> None:
    await pool(operator)
    await operator.api.add_node("tvm-1", "films", state="deallocated", disabled=True)
    assert "What becomes of tasks" not in await operator.page(tell("start", "tvm-1"))
    assert (await operator.post(tell("start", "tvm-1"))).status == 303
    assert (await operator.post(tell("enable", "tvm-1"))).status == 303
    assert await stored(operator, "tvm-1") == ("starting", None, None, False)


async def test_nodes_are_chosen_and_those_that_cannot_are_left_out(operator: Browser) -> None:
    await pool(operator, targetDedicatedNodes=3)
    for name, state in (("tvm-1", "idle"), ("tvm-2", "rebooting"), ("tvm-3", "starttaskfailed")):
        await operator.api.add_node(name, "films", state=state)
    await runs(operator, 1, "a")
    page = await operator.page(POOL)
    assert re.findall(r'form="chosen" name="node" value="([^"]+)"', page) == ["tvm-1", "tvm-2", "tvm-3"]
    assert f'formaction="{ROOT}{POOL}/tell/reboot"' in page
    assert f'formaction="{ROOT}{POOL}/tell/start"' not in page, "none of them can be"
    asked = await operator.page(tell("reboot", "tvm-1", "tvm-2", "tvm-3", "tvm-gone"))
    assert "Reboot: 2 nodes?" in asked
    assert "1 task runs</b> there" in asked
    (left,) = re.findall(r'<div id="left">(.*?)</div>', asked, re.DOTALL)
    assert "tvm-2" in left
    assert "It is rebooting, and" in left
    assert "1 that is not there any more" in left
    (action,) = re.findall(r'action="([^"]+tell[^"]+)"', asked)
    target = unescape(action).removeprefix(ROOT)
    assert target == tell("reboot", "tvm-1", "tvm-3")
    answer = await operator.post(target, {"option": "requeue"})
    assert answer.headers["location"] == f"{ROOT}{POOL}"
    assert [(await stored(operator, f"tvm-{each}"))[0] for each in (1, 2, 3)] == ["rebooting"] * 3


async def test_what_some_nodes_refuse_keeps_none_of_the_others(operator: Browser) -> None:
    await pool(operator)
    await operator.api.add_node("tvm-1", "films", state="rebooting")
    await operator.api.add_node("tvm-2", "films")
    answer = await operator.post(tell("reboot", "tvm-1", "tvm-2"))
    assert answer.status == 409
    assert "1 of 2 nodes are being rebooted. tvm-1: " in answer.text
    assert "It is rebooting, and" in answer.text
    assert (await stored(operator, "tvm-2"))[0] == "rebooting"


async def test_nodes_are_removed_together_or_not_at_all(operator: Browser) -> None:
    await pool(operator, targetDedicatedNodes=3)
    for each in (1, 2, 3):
        await operator.api.add_node(f"tvm-{each}", "films")
    answer = await operator.post(tell("remove", "tvm-1", "tvm-none"))
    assert (answer.status, "tvm-none" in answer.text) == (404, True)
    assert (await operator.post(tell("remove", "tvm-1", "tvm-2"), {"option": "terminate"})).status == 303
    found = (await operator.api.get("/pools/films")).json
    assert (found["targetDedicatedNodes"], found["allocationState"]) == (1, "resizing")
    assert (await stored(operator, "tvm-2"))[1:3] == ("remove", "terminate")


@pytest.mark.parametrize(
    ("path", "form", "status", "said"),
    [
        (tell("reboot"), {}, 400, "Choose nodes first"),
        (tell("reboot", *(f"tvm-{each}" for each in range(101))), {}, 400, "Choose nodes first"),
        (tell("boil", "tvm-1"), {}, 404, "nothing of that name"),
        (tell("reboot", "tvm-1"), {"option": "later"}, 400, "nodeRebootOption"),
        (tell("disable", "tvm-1"), {"option": "retaineddata"}, 400, "nodeDisableSchedulingOption"),
        (tell("remove", "tvm-1"), {"option": "<b>"}, 400, "nodeDeallocationOption"),
        (tell("reboot", "tvm-9"), {}, 404, ""),
    ],
)
async def test_what_nobody_can_be_told_changes_nothing(
    operator: Browser, path: str, form: dict[str, str], status: int, said: str
) -> None:
    await pool(operator)
    await operator.api.add_node("tvm-1", "films")
    answer = await operator.post(path, form)
    assert (answer.status, said in answer.text) == (status, True)
    assert "<b>" not in answer.text
    assert await stored(operator, "tvm-1") == ("idle", None, None, False)


async def test_strange_names_are_asked_about_and_do_nothing(operator: Browser) -> None:
    await pool(operator)
    await operator.api.add_node(HOSTILE, "films")
    page = await operator.page(POOL)
    (value,) = re.findall(r'name="node" value="([^"]*)"', page)
    asked = await operator.page(tell("reboot", HOSTILE))
    for text in (page, asked):
        assert SEEN in text
        assert "<script>alert" not in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    (action,) = re.findall(r'action="([^"]+tell[^"]+)"', asked)
    assert (await operator.post(unescape(action).removeprefix(ROOT))).status == 303
    assert (await stored(operator, HOSTILE))[0] == "rebooting"
    assert value == quote(HOSTILE)


async def test_a_node_says_what_it_was_told_and_what_it_waits_for(operator: Browser) -> None:
    await pool(operator)
    told = {"vacating": "reboot", "vacating_option": "taskcompletion", "disabled": True}
    await operator.api.add_node("tvm-1", "films", state="rebooting", **told)
    await runs(operator, 1, "a")
    page = await operator.page(f"{POOL}/nodes/tvm-1")
    (section,) = re.findall(r'<section[^>]* id="vacating".*?</section>', page, re.DOTALL)
    assert "It is to boot again (reboot)" in section
    assert "They run to their end" in section
    assert "1 task to come to an end" in section
    assert '<span class="chip waiting">scheduling disabled</span>' in page


async def test_the_page_of_a_node_hears_of_what_is_no_change_of_its_state(
    operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "AGAIN_SECONDS", 0.05)
    await pool(operator)
    await operator.api.add_node("tvm-1", "films", state="starttaskfailed")
    page = await operator.page(f"{POOL}/nodes/tvm-1")
    async with following(operator, stream_of(page)) as stream:
        assert (await operator.post(tell("disable", "tvm-1"))).status == 303
        assert "scheduling disabled</span>" in (await stream.next())["data"]


async def test_changes_want_a_token_and_a_portal_that_changes(operator: Browser) -> None:
    await pool(operator)
    await operator.api.add_node("tvm-1", "films")
    for path in (RESIZE, STOP, tell("reboot", "tvm-1")):
        form = {"csrf-token": "other", "dedicated": "4"}
        assert (await operator.ask("POST", f"{ROOT}{path}", form)).status == 403
    assert await stored(operator, "tvm-1") == ("idle", None, None, False)


async def test_a_portal_for_reading_offers_none_of_it(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path, is_read_only=True) as browser:
        await browser.enter()
        await pool(browser)
        await browser.api.update(schema.pools, resize_errors=b'[{"code":"c","message":"m"}]')
        await browser.api.add_node("tvm-1", "films")
        pages = await browser.page(POOL) + await browser.page(f"{POOL}/nodes/tvm-1")
        for sign in ("/tell/", "/resize", "stop-resize", 'type="checkbox"', 'data-dialog="delete"'):
            assert sign not in pages, sign
        for path in (RESIZE, tell("reboot", "tvm-1")):
            assert (await browser.get(path)).status == 403
            assert (await browser.post(path, {"dedicated": "4"})).status == 403
        assert (await browser.post(STOP)).status == 403
        assert await stored(browser, "tvm-1") == ("idle", None, None, False)
