"""The whole product, and a real browser that looks at its portal."""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import azure.batch
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from tests import needs
from tests.clients import installing

from batchite.cli.portal import link
from batchite.configuration import endpoints
from batchite.testing.service import RunningService

SECONDS = 30.0
"""How long anything may take before a test gives up."""


@contextmanager
def chromium() -> Iterator[Browser]:
    needs.programs("chromium")
    expect.set_options(timeout=SECONDS * 1000)  # of its own it has five seconds
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],  # which root may not have
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Look:
    """Somebody who looks at the portal of a service. What a page complains of is kept."""

    service: RunningService
    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """every URL"""

    def go(self, path: str) -> None:
        """To a page below the portal's root."""
        self.page.goto(self.url(path))

    def url(self, path: str) -> str:
        return f"{self.service.batch_url}/-/portal{path}"


@contextmanager
def look(browser: Browser, service: RunningService, **options: Any) -> Iterator[Look]:
    """As the operator, who came by a link; no page may complain, nor ask anything of another host."""
    with entered(browser, service, **options) as (_, page, looking):
        yield looking
        page.wait_for_load_state("load")
    assert looking.complaints == []
    own = (service.batch_url, service.blob_url.rpartition("/")[0], "data:", "blob:")
    assert [url for url in looking.asked if not url.startswith(own)] == []


@contextmanager
def entered(
    browser: Browser, service: RunningService, **options: Any
) -> Iterator[tuple[BrowserContext, Page, Look]]:
    context = browser.new_context(**options)
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    looking = Look(service, page)
    page.on("console", functools.partial(_heard, looking))
    page.on("pageerror", lambda error: looking.complaints.append(str(error)))
    page.on("request", lambda request: looking.asked.append(request.url))
    found = endpoints.load(service.data_dir)
    assert found is not None
    page.goto(link(service.data_dir, found))
    page.wait_for_url("**/-/portal/")
    try:
        yield context, page, looking
    finally:
        context.close()


def _heard(looking: Look, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        looking.complaints.append(message.text)


def stop_clock(page: Page) -> None:
    """What the page shows for a moment stays, however late somebody looks."""
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(seconds=SECONDS))


def axe() -> str:
    """The program that looks for obstacles in a page."""
    try:
        folder = installing.javascript_client("axe-core")
    except installing.ClientMissingError as error:
        needs.unmet(str(error))
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def client(service: RunningService) -> azure.batch.BatchClient:
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return azure.batch.BatchClient(service.batch_url, credential)


def pool(pool_id: str, nodes: int = 0, **given: Any) -> models.BatchPoolCreateOptions:
    machine = models.VirtualMachineConfiguration(
        image_reference=models.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        ),
        node_agent_sku_id="batch.node.ubuntu 22.04",
    )
    return models.BatchPoolCreateOptions(
        id=pool_id,
        vm_size="Standard_D2s_v3",
        virtual_machine_configuration=machine,
        target_dedicated_nodes=nodes,
        **given,
    )


def until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < deadline, f"{what}: not after {SECONDS} s"
        time.sleep(0.05)
