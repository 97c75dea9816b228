"""The start task of a pool is edited, and tried again on the nodes where it failed."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.portal.hostile_texts import HOSTILE
from tests.portal.service import Browser, serving

from batchite.portal.visit import ROOT
from batchite.store.batch import schema
from batchite.store.database import Database

POOL = "/batch/devbatch/pools/films"
EDIT = f"{POOL}/start-task"
TASK: dict[str, Any] = {
    "commandLine": "/bin/sh -c 'first\nsecond \u202e'",
    "maxTaskRetryCount": 2,
    "waitForSuccess": True,
    "userIdentity": {"autoUser": {"elevationLevel": "admin", "scope": "pool"}},
    "environmentSettings": [{"name": "A", "value": "1\n2"}, {"name": "B", "value": "x=y"}],
    "resourceFiles": [
        {"httpUrl": "http://h/c/a.sh?sig=x", "filePath": "a.sh", "fileMode": "0770"},
        {"storageContainerUrl": "http://h/c?sig=y", "blobPrefix": "in/"},
    ],
}


async def failing(browser: Browser, **task: Any) -> None:
    added = await browser.api.add_pool("films", startTask={**TASK, **task})
    assert added.status == 201, added.text
    await browser.api.update(schema.pools, allocation_state="steady")
    for name, state in (("tvm-1", "starttaskfailed"), ("tvm-2", "unusable"), ("tvm-3", "idle")):
        await browser.api.add_node(name, "films", state=state)


class _Form(HTMLParser):
    """What a browser would send of the forms of a page as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        name = known.get("name") or ""
        if tag == "textarea":
            self._textarea, self.fields[name] = name, ""
        elif tag == "input" and (known.get("type") != "checkbox" or "checked" in known):
            self.fields[name] = known.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea] += data.replace("\n", "\r\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""


def fields(page: str) -> dict[str, str]:
    parser = _Form()
    parser.feed(page)
    return {name: value for name, value in parser.fields.items() if name != "csrf-token"}


async def states(browser: Browser) -> list[str]:
    query = sa.select(schema.nodes.c.state).order_by(schema.nodes.c.node_no)
    return list(await browser.api.database.read(lambda c: c.scalars(query).all()))


async def task(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = (await browser.api.get("/pools/films")).json["startTask"]
    return found


async def test_what_is_not_changed_stays_exactly_as_it_is(operator: Browser) -> None:
    await failing(operator)
    was = await task(operator)
    given = fields(await operator.page(EDIT))
    assert given["environment"] == "A=1⟨000A⟩2\r\nB=x=y"
    assert (given["retries"], given["wait"], given["elevated"]) == ("2", "yes", "yes")
    assert (await operator.post(EDIT, {**given, "only": "yes"})).status == 303
    assert await task(operator) == was
    assert await states(operator) == ["starttaskfailed", "unusable", "idle"]


async def test_a_start_task_is_edited_and_tried_again_where_it_failed(operator: Browser) -> None:
    await failing(operator)
    page = await operator.page(POOL)
    assert f'href="{ROOT}{EDIT}">Edit it and try it again</a>' in page
    page = await operator.page(EDIT)
    assert "First the start task is saved. Then those nodes are rebooted" in page
    given = fields(page)
    assert {"node-1", "node-2"} <= given.keys(), "all are chosen"
    assert "node-3" not in given
    files = given["files"].replace("a.sh?sig=x a.sh", "b.sh b.sh")
    changed = {"command": "second\r\nthird", "files": files, "environment": "C=3", "retries": ""}
    del given["wait"], given["elevated"]
    answer = await operator.post(EDIT, {**given, **changed})
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{POOL}")
    assert "2 nodes are being rebooted to try it." in await operator.page(POOL)
    now = await task(operator)
    assert now["commandLine"] == "second\nthird"
    assert now["environmentSettings"] == [{"name": "C", "value": "3"}]
    assert now["resourceFiles"] == [
        {"httpUrl": "http://h/c/b.sh", "filePath": "b.sh"},
        TASK["resourceFiles"][1],
    ]
    assert (now["waitForSuccess"], now["maxTaskRetryCount"]) == (False, 0)
    assert now["userIdentity"]["autoUser"]["elevationLevel"] == "nonadmin"
    assert await states(operator) == ["rebooting", "rebooting", "idle"]


async def test_one_of_the_nodes_is_chosen_from_its_page(operator: Browser) -> None:
    await failing(operator)
    page = await operator.page(f"{POOL}/nodes/tvm-2")
    assert f'href="{ROOT}{EDIT}?node=tvm-2">' in page
    given = fields(await operator.page(f"{EDIT}?node=tvm-2"))
    assert {name for name in given if name.startswith("node-")} == {"node-2"}
    assert (await operator.post(EDIT, given)).status == 303
    assert await states(operator) == ["starttaskfailed", "rebooting", "idle"]
    assert "start-task" not in re.sub('id="start-task"', "", await operator.page(f"{POOL}/nodes/tvm-3"))


async def test_a_node_that_boots_already_keeps_none_of_the_others(operator: Browser) -> None:
    await failing(operator)
    given = fields(await operator.page(EDIT))
    boots = sa.update(schema.nodes).where(schema.nodes.c.id == "tvm-1").values(state="rebooting")
    await operator.api.database.write(lambda c: c.execute(boots))
    assert (await operator.post(EDIT, {**given, "command": "other"})).status == 303
    page = await operator.page(POOL)
    assert "1 node is being rebooted to try it. tvm-1 is not rebooted: " in page
    assert await states(operator) == ["rebooting", "rebooting", "idle"]


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"command": ""}, 400, "startTask.commandLine"),
        ({"retries": "-7"}, 400, "startTask.maxTaskRetryCount: "),
        ({"files": "prepare.sh"}, 400, "write a URL or account/container/blob"),
        ({"files": "all of http://h/c?sig=y out/"}, 400, "write a URL or account/container/blob"),
        ({"environment": "=3"}, 400, "startTask.environmentSettings"),
        ({"was": "other"}, 412, "Somebody has changed the start task"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_rebooted(
    operator: Browser, changed: dict[str, str], status: int, said: str
) -> None:
    await failing(operator)
    was = await task(operator)
    given = {**fields(await operator.page(f"{EDIT}?node=tvm-1")), "environment": "D=typed", **changed}
    answer = await operator.post(EDIT, given)
    assert answer.status == status, answer.text
    assert said in unescape(re.search(r'role="alert">([^<]+)', answer.text)[1])  # type: ignore[index]
    again = fields(answer.text)
    for name, value in given.items():
        assert again[name].splitlines() == value.splitlines(), name
    assert "node-2" not in again
    assert await task(operator) == was
    assert await states(operator) == ["starttaskfailed", "unusable", "idle"]


async def test_a_pool_without_a_start_task_is_given_one(operator: Browser) -> None:
    await operator.api.add_pool("films")
    assert ">Give it one</a>" in await operator.page(POOL)
    page = await operator.page(EDIT)
    assert 'id="failing"' not in page
    assert (await operator.post(EDIT, {**fields(page), "command": "prepare"})).status == 303
    assert (await task(operator))["commandLine"] == "prepare"


async def test_strange_texts_are_edited_and_do_nothing(operator: Browser) -> None:
    await failing(operator, commandLine=f"</textarea>{HOSTILE}")
    await operator.api.add_node(HOSTILE, "films", state="unusable")
    page = await operator.page(EDIT)
    assert "<script>alert" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert (await operator.post(EDIT, fields(page))).status == 303
    assert (await states(operator))[-1] == "rebooting"
    assert (await task(operator))["commandLine"] == f"</textarea>{HOSTILE}"


async def test_a_start_task_wants_a_token_and_a_portal_that_changes(
    operator: Browser, database: Database, tmp_path: Path
) -> None:
    await failing(operator)
    given = fields(await operator.page(EDIT))
    answer = await operator.ask("POST", f"{ROOT}{EDIT}", {**given, "csrf-token": "other"})
    assert answer.status == 403
    async with serving(database, tmp_path, is_read_only=True) as browser:
        await browser.enter()
        for page in (POOL, f"{POOL}/nodes/tvm-1"):
            assert "/start-task" not in await browser.page(page)
        assert (await browser.get(EDIT)).status == 403
        assert (await browser.post(EDIT, given)).status == 403
    assert await states(operator) == ["starttaskfailed", "unusable", "idle"]
