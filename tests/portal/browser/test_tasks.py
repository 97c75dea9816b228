"""Jobs and tasks as people look for them, in a real browser, of the real product."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from azure.batch import BatchClient, models
from playwright.sync_api import Browser, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

JOBS = "/batch/devbatch/jobs"
BAD = "/night/tasks/bad"
PRINTS = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo complaint $i >&2; done; exit 3"
GROWS = (
    "echo first; while [ ! -e go ]; do sleep 0.05; done; echo second; while [ ! -e end ]; do sleep 0.05; done"
)


def add(client: BatchClient, job_id: str, task_id: str, script: str) -> None:
    line = f"/bin/sh -c '{script}'"
    client.create_task(job_id, models.BatchTaskCreateOptions(id=task_id, command_line=line))


def add_job(client: BatchClient, job_id: str) -> None:
    info = models.BatchPoolInfo(pool_id="films")
    client.create_job(models.BatchJobCreateOptions(id=job_id, pool_info=info))


def until(client: BatchClient, job_id: str, task_id: str, state: str) -> None:
    seeing.until(lambda: client.get_task(job_id, task_id).state == state, f"{task_id} is {state}")


@pytest.fixture(scope="module")
def client(service: RunningService) -> BatchClient:
    """Of a service with a job of which tasks failed."""
    client = seeing.client(service)
    add_job(client, "night")
    add(client, "night", "bad", PRINTS)
    add(client, "night", "good", "true")
    for task_id in ("bad", "good"):
        until(client, "night", task_id, "completed")
    return client


def test_the_last_lines_of_a_failed_task_are_two_clicks_from_home(
    browser: Browser, service: RunningService, client: BatchClient
) -> None:
    with seeing.look(browser, service) as look:
        page = look.page
        page.get_by_role("region", name="Tasks that failed lately").get_by_role("link", name="1 task").click()
        page.get_by_role("link", name="bad", exact=True).click()
        printed = page.locator("#tail")
        expect(printed).to_contain_text("complaint 351\n")
        expect(printed).to_contain_text("complaint 400")
        shown = "e => e.scrollHeight - e.scrollTop - e.clientHeight < 5"
        assert printed.evaluate(shown), "it is opened at its end"
        expect(page.get_by_role("heading", name="It failed with exit code 3")).to_be_visible()


def test_output_grows_before_ones_eyes(
    browser: Browser, service: RunningService, client: BatchClient
) -> None:
    add(client, "night", "grows", GROWS)
    until(client, "night", "grows", "running")
    with seeing.look(browser, service) as look:
        look.go(f"{JOBS}/night/tasks/grows")
        printed = look.page.locator("#tail")
        expect(printed).to_have_text("first\n")
        directory = next(service.data_dir.glob("nodes/*/root/workitems/night/job-1/grows/wd"))
        (directory / "go").touch()
        expect(printed).to_have_text("first\nsecond\n")
        expect(look.page.locator("h1 ~ .chip")).to_have_text("running")
        (directory / "end").touch()
        expect(look.page.locator("h1 ~ .chip")).to_have_text("succeeded")


def test_a_filter_survives_reload_and_back(
    browser: Browser, service: RunningService, client: BatchClient
) -> None:
    with seeing.look(browser, service) as look:
        page = look.page
        look.go(f"{JOBS}/night")
        box = page.get_by_role("combobox", name="Filter the tasks")
        expect(page.get_by_role("link", name="good", exact=True)).to_be_visible()
        box.fill("state:failed")
        box.press("Enter")
        page.wait_for_url("**?q=state%3Afailed")
        for _ in range(2):
            expect(box).to_have_value("state:failed")
            expect(page.get_by_role("link", name="bad", exact=True)).to_be_visible()
            expect(page.get_by_role("link", name="good", exact=True)).to_have_count(0)
            page.reload()
        page.get_by_role("link", name="bad", exact=True).click()
        page.wait_for_url("**/tasks/bad")
        page.go_back()
        expect(box).to_have_value("state:failed")
        page.go_back()
        expect(box).to_have_value("")
        expect(page.get_by_role("link", name="good", exact=True)).to_be_visible()


def test_the_box_hints_at_what_can_be_typed(
    browser: Browser, service: RunningService, client: BatchClient
) -> None:
    with seeing.look(browser, service) as look:
        look.go(f"{JOBS}/night")
        look.page.get_by_role("combobox", name="Filter the tasks").press_sequentially("state:f")
        hints = look.page.locator("#tasks-hints option")
        expect(hints).to_have_count(1)
        expect(hints).to_have_attribute("value", "state:failed")


def test_a_job_and_a_task_are_added_ended_and_deleted(
    browser: Browser, service: RunningService, client: BatchClient
) -> None:
    with seeing.look(browser, service) as look:
        page = look.page
        look.go(JOBS)
        page.get_by_role("link", name="Add a job").first.click()
        page.get_by_label("Id").fill("by-hand")
        page.get_by_label("Pool").fill("films")
        page.get_by_role("button", name="Add the job").click()
        expect(page.get_by_role("status").first).to_have_text("The job by-hand has been added.")
        page.get_by_role("link", name="Add a task").click()
        page.get_by_label("Id").fill("waits")
        page.get_by_label("Command line").fill("sleep 600")
        page.get_by_role("button", name="Add the task").click()
        expect(page.locator("h1 ~ .chip")).to_have_text("running")
        page.get_by_role("button", name="Terminate").click()
        page.get_by_role("dialog").get_by_role("button", name="Terminate the task").click()
        expect(page.locator("h1 ~ .chip")).to_have_text("failed")
        look.go(f"{JOBS}/by-hand")
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete the job by-hand?")
        expect(dialog).to_contain_text("Its 1 task goes")
        dialog.get_by_role("button", name="Delete the job").click()
        page.wait_for_url(f"**{JOBS}")
    seeing.until(lambda: "by-hand" not in [job.id for job in client.list_jobs()], "the job is gone")


@pytest.mark.parametrize(
    "path", ["", "/night", "/night/tasks/bad", "/night/new-task", "/night/tasks/bad/files"]
)
def test_pages_fit_a_phone(browser: Browser, service: RunningService, client: BatchClient, path: str) -> None:
    with seeing.look(browser, service, viewport={"width": 390, "height": 800}) as look:
        look.go(f"{JOBS}{path}")
        expect(look.page.get_by_role("heading", level=1)).to_be_visible()
        assert look.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_job_at_work_is_followed(browser: Browser, service: RunningService, client: BatchClient) -> None:
    with seeing.look(browser, service) as look:
        look.go(f"{JOBS}/night")
        box = look.page.get_by_role("combobox", name="Filter the tasks")
        box.fill("half typ")
        add(client, "night", "later", "echo odd thing 7 >&2; exit 9")
        failures = look.page.get_by_role("region", name="Failed tasks by cause")
        expect(failures).to_contain_text(re.compile("exit 9.*odd thing 7", re.DOTALL))
        expect(box).to_have_value("half typ")


SEEN = (f"{JOBS}/night", f"{JOBS}{BAD}", f"{JOBS}{BAD}/files", f"{JOBS}{BAD}/file?path=stderr.txt")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_meets_an_obstacle(
    browser: Browser, service: RunningService, client: BatchClient, scheme: Literal["light", "dark"]
) -> None:
    axe = seeing.axe()
    with seeing.entered(browser, service, color_scheme=scheme) as (_, page, looking):
        for path in (*SEEN, f"{JOBS}?q=night", f"{JOBS}/night/new-task", "/batch/devbatch/new-job"):
            looking.go(path)
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            met = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
            assert (path, met) == (path, [])
            assert found["passes"], "axe has looked"
