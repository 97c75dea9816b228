"""The page of a node, in a real browser, of the real product."""

from __future__ import annotations

import pytest
from azure.batch import models
from playwright.sync_api import Browser, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

WAITS = "/bin/sh -c 'echo first; while [ ! -e go ]; do sleep 0.05; done; echo second; exit 7'"


def test_a_start_task_is_followed_until_it_has_failed(browser: Browser, service: RunningService) -> None:
    client = seeing.client(service)
    start_task = models.BatchStartTask(command_line=WAITS, wait_for_success=True, max_task_retry_count=0)
    client.create_pool(seeing.pool("fails", 1, start_task=start_task))
    seeing.until(
        lambda: any(node.start_task_info for node in client.list_nodes("fails")), "the start task runs"
    )
    (node,) = client.list_nodes("fails")
    with seeing.look(browser, service) as look:
        page = look.page
        look.go("/batch/devbatch/pools/fails")
        page.locator("#nodes").get_by_role("link", name=node.id).click()
        expect(page.locator("#tail")).to_have_text("first\n")
        (service.data_dir / "nodes" / node.id / "root" / "startup" / "wd" / "go").touch()
        expect(page.locator("#tail")).to_have_text("first\nsecond\n")
        expect(page.get_by_role("region", name="Start task")).to_contain_text("It failed with exit code 7.")
        page.get_by_text("What the node's agent says").click()
        said = page.get_by_label("The agent's log")
        expect(said).to_contain_text("Tier: ")
        with (service.data_dir / "nodes" / node.id / "agent.log").open("a") as log:
            log.write("a disk is slow\n")
        expect(said).to_contain_text("a disk is slow")
        expect(page.get_by_role("region", name="What it uses")).to_contain_text("MiB")
        expect(page.get_by_role("heading", level=2, name="Why it takes no tasks")).to_be_visible()
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("link", name="all files").click()
        page.get_by_role("link", name="startup/").click()
        expect(page.get_by_role("link", name="stdout.txt")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    client.begin_delete_pool("fails").result()
