"""The tutorial in a real browser: watched while a program does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.batch import models
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from playwright.sync_api import Browser, Locator, Page, expect
from tests.portal.browser import seeing
from tests.portal.browser.seeing import Look

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

BATCH = "/batch/devbatch"
TEXTS = {"first.txt": "one two three\n", "second.txt": "one two three four five\n"}


@contextmanager
def unbroken(page: Page) -> Iterator[None]:
    """Whatever is seen in here, the page was loaded once for it."""
    page.evaluate("window.wasLoadedOnce = true")
    yield
    assert page.evaluate("window.wasLoadedOnce === true"), "the page was loaded again"


def chips(page: Page, state: str) -> Locator:
    """Of the rows of a list."""
    return page.locator("tr .chip", has_text=re.compile(f"^{state}$"))


def test_the_tutorial_is_watched(browser: Browser, service: RunningService, tmp_path: Path) -> None:
    """A program makes pool, job and tasks; every step of it is seen without loading a page again."""
    client = seeing.client(service)
    inputs = _uploaded(service)
    with seeing.look(browser, service) as look:
        page = look.page
        look.go(f"{BATCH}/pools?q=watched")
        with unbroken(page):
            start = models.BatchStartTask(command_line=_waits_for(tmp_path / "start"), wait_for_success=True)
            client.create_pool(seeing.pool("watched", 2, start_task=start))
            expect(page.get_by_role("link", name="watched")).to_be_visible()
        page.get_by_role("link", name="watched").click()
        page.wait_for_url(f"**{BATCH}/pools/watched")
        with unbroken(page), streams_alone(look):
            expect(chips(page, "waiting for start task")).to_have_count(2)
            (tmp_path / "start").touch()
            expect(chips(page, "idle")).to_have_count(2)
        look.go(f"{BATCH}/jobs?q=watched")
        with unbroken(page):
            info = models.BatchPoolInfo(pool_id="watched")
            client.create_job(models.BatchJobCreateOptions(id="watched", pool_info=info))
            expect(page.get_by_role("link", name="watched").first).to_be_visible()
        look.go(f"{BATCH}/jobs/watched")
        with unbroken(page), streams_alone(look):
            line = _waits_for(tmp_path / "go", "wc -w *.txt")
            client.create_tasks(
                "watched",
                [
                    models.BatchTaskCreateOptions(
                        id=f"task-{number}", command_line=line, resource_files=[file]
                    )
                    for number, file in enumerate(inputs * 2)
                ],
            )
            expect(chips(page, "running")).to_have_count(2)
            expect(chips(page, "active")).to_have_count(2)
            (tmp_path / "go").touch()
            expect(chips(page, "succeeded")).to_have_count(4)
            expect(page.get_by_role("link", name="succeeded 4")).to_be_visible()
    client.begin_delete_job("watched")
    client.begin_delete_pool("watched")


@contextmanager
def streams_alone(look: Look) -> Iterator[None]:
    """Whatever is seen in here came by the stream of the page."""
    before = len(look.asked)
    yield
    stream = f"{look.service.batch_url}/-/portal/live?"
    assert [url for url in look.asked[before:] if not url.startswith(stream)] == []


def _waits_for(file: Path, then: str = "true") -> str:
    return f"/bin/sh -c 'while [ ! -e {file} ]; do sleep 0.05; done; {then}'"


def _uploaded(service: RunningService) -> list[models.ResourceFile]:
    """The texts, as files that tasks can have."""
    with BlobServiceClient.from_connection_string(service.storage_connection_string) as storage:
        storage.create_container("watched")
        found = []
        for name, text in TEXTS.items():
            blob = storage.get_blob_client("watched", name)
            blob.upload_blob(text.encode())
            token = generate_blob_sas(
                storage.account_name or "",
                "watched",
                name,
                account_key=storage.credential.account_key,
                permission=BlobSasPermissions(read=True),
                expiry=datetime.now(UTC) + timedelta(hours=1),
            )
            found.append(models.ResourceFile(http_url=f"{blob.url}?{token}", file_path=name))
    return found
