"""A pool's autoscale formula as people type, try and enable it, in a real browser, of the real product."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, ViewportSize, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

PAGE = "/batch/devbatch/pools/scaled/autoscale"
MISTAKEN = "most = 2;\n$TargetDedicatedNodes = mots;"
MENDED = "most = 2;\n$TargetDedicatedNodes = min(most, 0);"


def test_a_formula_is_mended_enabled_and_tried(browser: Browser, service: RunningService) -> None:
    seeing.client(service).create_pool(seeing.pool("scaled"))
    with seeing.look(browser, service) as look:
        page = look.page
        look.go("/batch/devbatch/pools/scaled")
        page.locator("dl.facts").get_by_role("link", name="off", exact=True).click()
        expect(page.get_by_text("The pool keeps the size that it was given")).to_be_visible()
        formula, mark, mistake = (
            page.get_by_role("textbox", name="Formula"),
            page.locator("#marks mark"),
            page.locator("#mistake"),
        )
        formula.fill(MISTAKEN)
        expect(mark).to_have_text("mots")
        expect(mistake).to_contain_text("Line 2, Col 25: there is no variable 'mots'")
        expect(formula).to_have_attribute("aria-invalid", "true")
        below, above = mark.bounding_box(), formula.bounding_box()
        assert below is not None
        assert above is not None
        assert above["y"] < below["y"] < above["y"] + 60, "the mark is on the second line of the field"
        formula.fill(MENDED)
        expect(mistake).to_be_hidden()
        expect(mark).to_have_count(0)
        page.get_by_role("button", name="Enable autoscale").click()
        expect(page.get_by_text("The pool scaled is scaled by the formula")).to_be_visible()
        expect(formula).to_have_value(MENDED)
        expect(page.locator("#turns")).to_contain_text("unchanged")
        formula.fill("most = 2;\n$TargetDedicatedNodes = most;")
        page.get_by_role("button", name="What would it ask for?").click()
        outcome = page.locator("#outcome")
        expect(outcome).to_contain_text(
            "2 dedicated and 0 low-priority nodes, where the pool is to have 0 and 0."
        )
        expect(formula).to_have_value("most = 2;\n$TargetDedicatedNodes = most;")
        formula.fill("$TargetDedicatedNodes = 1 / 0;")
        page.get_by_role("button", name="What would it ask for?").click()
        expect(outcome).to_contain_text("it comes to no result")
        expect(mark).to_have_text("/")
        assert seeing.client(service).get_pool("scaled").auto_scale_formula == MENDED


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_page_fits_a_phone_and_has_no_obstacles(
    browser: Browser, service: RunningService, scheme: str
) -> None:
    axe = seeing.axe()
    size: ViewportSize = {"width": 390, "height": 800}
    pool = seeing.pool(f"in-the-{scheme}")
    pool.target_dedicated_nodes = None
    pool.enable_auto_scale, pool.auto_scale_formula = True, MENDED
    seeing.client(service).create_pool(pool)
    colors = "dark" if scheme == "dark" else "light"
    with seeing.entered(browser, service, viewport=size, color_scheme=colors) as (_, page, looking):
        for each in (f"in-the-{scheme}", "empty"):
            looking.go(f"/batch/devbatch/pools/{each}/autoscale")
            page.get_by_role("textbox", name="Formula").fill(MISTAKEN)
            expect(page.locator("#marks mark")).to_have_text("mots")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            assert [(one["id"], [n["html"] for n in one["nodes"]]) for one in found["violations"]] == []
            assert found["passes"], "axe has looked"
