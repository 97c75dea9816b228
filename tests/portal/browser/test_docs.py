"""The docs in a real browser, under the policy that every page has."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

CORNER = """image => {
  const canvas = document.createElement("canvas")
  Object.assign(canvas, {width: image.naturalWidth, height: image.naturalHeight})
  const context = canvas.getContext("2d")
  context.drawImage(image, 0, 0)
  return Math.max(...context.getImageData(100, 3, 1, 1).data.slice(0, 3))
}"""
"""How light the ground of a drawing is, of 255."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawings_are_as_light_as_the_page(browser: Browser, service: RunningService, scheme: str) -> None:
    with seeing.look(browser, service, color_scheme=scheme) as look:
        look.page.goto(f"{service.batch_url}/-/docs/tutorial")
        drawings = look.page.locator("article img[src$='.svg']")
        expect(drawings).to_have_count(2)
        for drawing in drawings.all():
            drawing.scroll_into_view_if_needed()
            assert drawing.evaluate("image => image.decode().then(() => image.naturalWidth)") == 720
            assert (drawing.evaluate(CORNER) > 200) == (scheme == "light")
            assert drawing.get_attribute("alt")
