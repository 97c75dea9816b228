"""Pools and nodes are told what to do, in a real browser, of the real product."""

from __future__ import annotations

import pytest
from azure.batch import models
from playwright.sync_api import Browser, Page, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

POOL = "/batch/devbatch/pools/told"
FAILS = "/bin/sh -c 'echo no package of that name >&2; exit 37'"
MENDED = "/bin/sh -c 'echo mended\nexit 0'"


def check(page: Page, axe: str) -> None:
    """That nobody meets obstacles there, and that it fits a phone."""
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert [(each["id"], [n["html"] for n in each["nodes"]]) for each in found["violations"]] == []
    assert found["passes"], "axe has looked"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_pool_is_resized_and_its_nodes_are_told_what_to_do(
    browser: Browser, service: RunningService
) -> None:
    client, axe = seeing.client(service), seeing.axe()
    start_task = models.BatchStartTask(command_line=FAILS, wait_for_success=True)
    client.create_pool(seeing.pool("told", 1, start_task=start_task))
    with seeing.entered(browser, service, viewport={"width": 390, "height": 800}) as (_, page, look):
        look.go(POOL)
        nodes = page.locator("#nodes tbody tr")
        expect(nodes.get_by_text("start task failed")).to_have_count(1)

        page.get_by_role("link", name="Resize", exact=True).click()
        check(page, axe)
        page.get_by_label("Dedicated nodes").fill("2")
        page.get_by_label("They run to their end, however long that takes").check()
        page.get_by_role("button", name="Resize the pool").click()
        expect(page.get_by_role("status").first).to_have_text("The pool told is being resized.")
        expect(nodes.get_by_text("start task failed")).to_have_count(2)

        # what was chosen and unfolded stays so while the page follows the pool
        first, second = nodes.nth(0), nodes.nth(1)
        first.get_by_role("checkbox").check()
        second.get_by_text("Do…").click()
        wanted = models.BatchPoolResizeOptions(target_dedicated_nodes=3)
        client.begin_resize_pool("told", wanted).result()
        expect(nodes.get_by_text("start task failed")).to_have_count(3)
        check(page, axe)
        expect(first.get_by_role("checkbox")).to_be_checked()
        expect(second.get_by_role("link", name="Reboot")).to_be_visible()

        second.get_by_role("link", name="Disable scheduling").click()
        expect(page.get_by_text("no task runs there")).to_be_visible()
        check(page, axe)
        page.get_by_role("button", name="Disable scheduling").click()
        expect(page.get_by_text("scheduling disabled").first).to_be_visible()
        check(page, axe)
        page.get_by_role("link", name="Enable scheduling").click()
        page.get_by_role("button", name="Enable scheduling").click()
        expect(page.get_by_text("scheduling disabled")).to_have_count(0)

        look.go(POOL)
        page.get_by_role("link", name="Edit it and try it again").click()
        check(page, axe)
        page.get_by_label("Command line").fill(MENDED)
        page.get_by_role("group", name="Try it again").get_by_role("checkbox").first.uncheck()
        page.get_by_role("button", name="Save it and reboot the nodes chosen").click()
        expect(page.get_by_role("status").first).to_contain_text("2 nodes are being rebooted to try it.")
        expect(second.get_by_text("idle")).to_be_visible()
        expect(first.get_by_text("start task failed")).to_be_visible()
        assert client.get_pool("told").start_task.command_line == MENDED  # type: ignore[union-attr]

        first.get_by_role("checkbox").check()
        second.get_by_role("checkbox").check()
        page.locator("#chosen").get_by_role("button", name="Remove").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Remove: 2 nodes?")
        page.get_by_role("button", name="Remove").click()
        expect(nodes).to_have_count(1)
        assert look.complaints == []
    client.begin_delete_pool("told").result()
