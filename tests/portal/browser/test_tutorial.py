"""The tutorial in a real browser: done wholly by hand, and watched while a program does it."""

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
STORAGE = "/storage/devstoreaccount1"
SCRIPT = 'wc -w < "$1" | tr -d " " > counted.txt; echo "$1 has $(cat counted.txt) words"\n'
TEXTS = {"first.txt": "one two three\n", "second.txt": "one two three four five\n"}
COUNTS = "/bin/sh -c 'sh $AZ_BATCH_NODE_SHARED_DIR/count.sh {}'"


@contextmanager
def unbroken(page: Page) -> Iterator[None]:
    """Whatever is seen in here, the page was loaded once for it."""
    page.evaluate("window.wasLoadedOnce = true")
    yield
    assert page.evaluate("window.wasLoadedOnce === true"), "the page was loaded again"


def chips(page: Page, state: str) -> Locator:
    """Of the rows of a list."""
    return page.locator("tr .chip", has_text=re.compile(f"^{state}$"))


def confirm(page: Page, what: str) -> None:
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=f"Delete the {what}").click()


def test_the_tutorial_is_done_by_hand(browser: Browser, service: RunningService, tmp_path: Path) -> None:
    with seeing.look(browser, service) as look:
        _fill_a_container(look, tmp_path)
        _make_a_pool(look)
        _run_tasks(look)
        _read_what_came_of_it(look)
        _take_it_all_away(look)


def _fill_a_container(look: Look, directory: Path) -> None:
    files = {**TEXTS, "count.sh": SCRIPT}
    for name, text in files.items():
        (directory / name).write_text(text)
    page = look.page
    page.get_by_role("link", name="Storage").first.click()
    page.get_by_role("link", name="devstoreaccount1").click()
    page.get_by_role("button", name="New container").click()
    page.get_by_label("Name").fill("tutorial")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="tutorial")).to_be_visible()
    page.set_input_files("#files", [str(directory / name) for name in files])
    expect(page.locator("#uploads [data-state=good]")).to_have_count(len(files))


def _make_a_pool(look: Look) -> None:
    page = look.page
    page.get_by_role("link", name="Pools", exact=True).click()
    page.get_by_role("link", name="Add a pool").first.click()
    page.get_by_label("Id", exact=True).fill("by-hand")
    page.get_by_label("Dedicated nodes").fill("1")
    start = page.get_by_role("group", name="Start task")
    start.get_by_label("Command line").fill("/bin/sh -c 'cp count.sh $AZ_BATCH_NODE_SHARED_DIR'")
    start.get_by_label("Resource files").fill("devstoreaccount1/tutorial/count.sh")
    page.get_by_role("button", name="Add the pool").click()
    page.wait_for_url(f"**{BATCH}/pools/by-hand")
    with unbroken(page):
        expect(chips(page, "idle")).to_have_count(1)


def _run_tasks(look: Look) -> None:
    page = look.page
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("link", name="Add a job").first.click()
    page.get_by_label("Id", exact=True).fill("words")
    page.get_by_label("Pool").fill("by-hand")
    page.get_by_role("button", name="Add the job").click()
    for name in TEXTS:
        page.wait_for_url(f"**{BATCH}/jobs/words")
        page.get_by_role("link", name="Add a task").click()
        page.get_by_label("Id", exact=True).fill(Path(name).stem)
        page.get_by_label("Command line").fill(COUNTS.format(name))
        page.get_by_label("Resource files").fill(f"devstoreaccount1/tutorial/{name}")
        page.get_by_role("button", name="Add the task").click()
        page.wait_for_url(f"**/tasks/{Path(name).stem}")
        page.get_by_role("link", name="words", exact=True).click()
    page.wait_for_url(f"**{BATCH}/jobs/words")
    with unbroken(page):
        expect(chips(page, "succeeded")).to_have_count(len(TEXTS))


def _read_what_came_of_it(look: Look) -> None:
    page = look.page
    page.get_by_role("link", name="second", exact=True).click()
    expect(page.locator("#tail")).to_have_text("second.txt has 5 words\n")
    page.get_by_role("link", name=re.compile("files", re.IGNORECASE)).first.click()
    page.get_by_role("link", name="wd/").click()
    with page.expect_download() as download:
        page.get_by_role("row", name="counted.txt").get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "counted.txt"
    assert Path(download.value.path()).read_text() == "5\n"


def _take_it_all_away(look: Look) -> None:
    page = look.page
    for path, what in (("/jobs/words", "job"), ("/pools/by-hand", "pool")):
        look.go(f"{BATCH}{path}")
        confirm(page, what)
        page.wait_for_url(re.compile(f"{BATCH}/{what}s$"))
        with unbroken(page):
            expect(page.get_by_role("link", name=path.rpartition("/")[2], exact=True)).to_have_count(0)
    look.go(f"{STORAGE}/containers/tutorial/properties")
    confirm(page, "container")
    page.wait_for_url(f"**{STORAGE}")
    expect(page.get_by_role("link", name="tutorial", exact=True)).to_have_count(0)


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
