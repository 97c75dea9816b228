"""Packages are sent from a real browser."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system


def test_a_zip_is_sent_and_what_is_none_is_told(
    browser: Browser, service: RunningService, tmp_path: Path
) -> None:
    with ZipFile(tmp_path / "tool.zip", "w") as archive:
        archive.writestr("run.sh", "echo done")
    (tmp_path / "none.zip").write_text("no archive")
    with seeing.look(browser, service) as look:
        page = look.page
        look.go("/batch/devbatch/pools")
        page.get_by_role("link", name="Packages").click()
        page.get_by_label("Application").fill("tool")
        page.get_by_label("Version").fill("1.0")
        page.get_by_label("Zip").set_input_files(tmp_path / "tool.zip")
        page.get_by_role("button", name="Add the package").click()
        section = page.get_by_role("region", name="tool")
        expect(section).to_contain_text("1.0")
        section.get_by_role("button", name="Make it the default").click()
        expect(section).to_contain_text("default 1.0")
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        section.get_by_role("button", name="Delete").first.click()
        page.get_by_role("button", name="Delete the application").click()
        expect(page.get_by_text("No packages yet")).to_be_visible()
    with seeing.entered(browser, service) as (_, page, looking):
        looking.go("/batch/devbatch/applications")
        page.get_by_label("Application").fill("tool")
        page.get_by_label("Version").fill("1.0")
        page.get_by_label("Zip").set_input_files(tmp_path / "none.zip")
        page.get_by_role("button", name="Add the package").click()
        expect(page.locator("#sent")).to_contain_text("The package is not taken.")
