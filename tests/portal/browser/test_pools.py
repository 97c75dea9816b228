"""Pools as people add them and look at them, in a real browser, of the real product."""

import pytest
from azure.batch import models
from playwright.sync_api import Browser, ViewportSize, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

NEW = "/batch/devbatch/new-pool"
FAILING = "/bin/sh -c 'echo no package of that name >&2; exit 37'"


@pytest.fixture(scope="module")
def failing(browser: Browser, service: RunningService) -> str:
    """The URL of a pool, added by the form, whose start task fails."""
    with seeing.entered(browser, service) as (_, page, looking):
        looking.go("/batch/devbatch/pools")
        page.get_by_role("link", name="Add a pool").click()
        page.get_by_label("Id").fill("prepared")
        page.get_by_label("Dedicated nodes").fill("2")
        page.get_by_label("Task slots of a node").fill("99")
        page.get_by_label("Command line").fill(FAILING)
        page.get_by_role("button", name="Add the pool").click()
        expect(page.get_by_role("alert")).to_contain_text("taskSlotsPerNode")
        expect(page.get_by_label("Command line")).to_have_value(FAILING)
        page.get_by_label("Task slots of a node").fill("4")
        page.get_by_role("button", name="Add the pool").click()
        page.wait_for_url("**/pools/prepared")
        expect(page.get_by_role("status").first).to_have_text("The pool prepared has been added.")
        said = "2 nodes are unusable: the start task failed with exit code 37."
        expect(page.get_by_text(said)).to_be_visible()
        return page.url


def test_a_pool_says_what_its_start_task_lacks(
    browser: Browser, service: RunningService, failing: str
) -> None:
    with seeing.look(browser, service) as look:
        page = look.page
        page.goto(failing)
        section = page.get_by_role("region", name="What the start task printed")
        expect(section.locator("pre")).to_have_text("no package of that name")
        cells = page.get_by_role("region", name="Nodes at a glance").get_by_role("link", name="0 of 4 slots")
        expect(cells).to_have_count(2)
        name = cells.first.get_attribute("title") or ""
        assert ": start task failed, 0 of 4 slots" in name
        assert cells.first.evaluate("cell => cell.href") == f"{failing}/nodes/{name.partition(':')[0]}"


@pytest.mark.parametrize("path", [NEW, "/batch/devbatch/pools/prepared"])
@pytest.mark.usefixtures("failing")
def test_pages_of_pools_fit_a_phone_in_the_dark(browser: Browser, service: RunningService, path: str) -> None:
    axe = seeing.axe()
    size: ViewportSize = {"width": 390, "height": 800}
    with seeing.entered(browser, service, viewport=size, color_scheme="dark") as (_, page, looking):
        looking.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate(axe)
        found = page.evaluate("axe.run()")
        assert [(each["id"], [n["html"] for n in each["nodes"]]) for each in found["violations"]] == []
        assert found["passes"], "axe has looked"


def test_a_bar_over_time_leads_to_its_task(browser: Browser, service: RunningService) -> None:
    client = seeing.client(service)
    client.create_pool(seeing.pool("timed", 2, task_slots_per_node=2))
    info = models.BatchPoolInfo(pool_id="timed")
    client.create_job(models.BatchJobCreateOptions(id="timed", pool_info=info))
    waits = "/bin/sh -c 'while [ ! -e go ]; do sleep 0.05; done'"
    lines = {"fine": "true", "fails": "false", "stays": waits}
    for task_id, line in lines.items():
        client.create_task("timed", models.BatchTaskCreateOptions(id=task_id, command_line=line))
    with seeing.look(browser, service) as look:
        page = look.page
        look.go("/batch/devbatch/pools/timed")
        page.get_by_role("link", name="Timeline").click()
        canvas = page.locator("canvas[data-drawn='3']")
        expect(canvas).to_be_visible()
        span = page.get_by_role("link", name="10 minutes")
        span.click()
        expect(span).to_have_attribute("aria-current", "true")
        box = canvas.bounding_box()
        assert box is not None
        found = False
        for top in range(24, int(box["height"]), 3):
            page.mouse.move(box["x"] + box["width"] - 1, box["y"] + top)
            if "stays of timed: running" in (page.locator("#under").text_content() or ""):
                found = True
                page.mouse.click(box["x"] + box["width"] - 1, box["y"] + top)
                break
        assert found, "the bar of what runs reaches to the right"
        page.wait_for_url("**/jobs/timed/tasks/stays")
        page.go_back()
        page.set_viewport_size({"width": 390, "height": 800})
        expect(canvas).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    client.begin_delete_job("timed").result()
    client.begin_delete_pool("timed").result()
