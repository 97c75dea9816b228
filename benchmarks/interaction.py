"""The portal in a real browser while a large pool works: what people wait for, and whether pages stay fluid.

Times are the browser's own: of the first content that it painted, of events until what they changed was
painted, and of a change of the page by its stream.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from batchite.cli.portal import link
from batchite.configuration import endpoints
from batchite.testing import RunningService
from benchmarks import agents, operations
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

NODES = 300
SLOTS = 4
SECONDS = 20
"""that a task takes: sixty end in a second"""
OPENINGS = 10
KEYS = 30
CHANGES = 10
POOL = JOB = "large"
QUIET = "quiet"
BATCH = "/-/portal/batch/devbatch"
PAGES = {"a job": f"{BATCH}/jobs/{JOB}", "a pool": f"{BATCH}/pools/{POOL}"}
FILTERS = {"a job": "state:succeeded", "a pool": "state:running"}
GOAL_MILLISECONDS = 200.0
UNSEEN_MILLISECONDS = 16.0
"""A browser does not tell of events that were done sooner."""
BARE = "data:text/html,<p>One word.</p>"

_PAINTED = """
new Promise((resolve) => new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.name === 'first-contentful-paint') resolve(entry.startTime);
}).observe({type: 'paint', buffered: true}))
"""
_ASKED = """
addEventListener('keydown', (event) => {
  if (event.key === 'Enter') name = String(performance.timeOrigin + performance.now());
}, true);
"""
"""The window's name outlives the page: when the filter was sent."""
_NOTE = """
window.noted = {keys: [], longest: 0};
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  if (entry.name === 'keydown') noted.keys.push(entry.duration);
})).observe({type: 'event', durationThreshold: 16});
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  noted.longest = Math.max(noted.longest, entry.duration);
})).observe({type: 'longtask'});
"""
_AWAIT = """
(text) => new Promise((resolve) => {
  const live = document.getElementById('live');
  const look = () => live.textContent.includes(text) && requestAnimationFrame(() => resolve(Date.now()));
  new MutationObserver(look).observe(live, {childList: true, subtree: true, characterData: true});
  look();
})
"""
REMARK = (
    f"{NODES} nodes of {SLOTS} slots are simulated: one process has a link for each, which speaks the "
    f"protocol of agents, and a task takes {SECONDS} s and does nothing; all slots are taken meanwhile. The "
    "browser is Chromium without a window, and shares the cores with all of that. A page is opened anew each "
    "time; what it paints first is the whole of it. A filter counts from the key that sends it. "
    f"{KEYS} keys go from row to row while the page is followed and changes by itself; a browser does not "
    f"tell of what took less than {UNSEEN_MILLISECONDS:.0f} ms, which counts as that. The longest halt is "
    "that of the page's only thread meanwhile. A change is a task more, of a job in which nothing else "
    "happens: from the answer to the request that added it until the page shows it; a page is sent anew "
    "twice a second at most, and less often where making it costs much."
)


def measure(scale: Scale) -> Measured:
    tasks = scale.stored_tasks

    def prepare(client: Client) -> None:
        operations.create_job(client, JOB, POOL)
        operations.add(client, JOB, operations.collections(tasks, f"sleep {SECONDS}"))

    rows: list[Row] = []
    with agents.at_work(POOL, NODES, SLOTS, prepare) as (service, client), _browser(service) as page:
        operations.ask_for_pool(client, QUIET, nodes=0)
        operations.create_job(client, QUIET, QUIET)
        _until_busy(client)
        bare = [_opened(page, BARE) for _ in range(OPENINGS)]
        for name, path in PAGES.items():
            of = f"{name}, {NODES} nodes at work, {tasks:,} tasks"
            url = service.batch_url + path
            rows.append(
                _row(f"browser: first content of {of}", [_opened(page, url) for _ in range(OPENINGS)], bare)
            )
            filtered = [_filtered(page, url, FILTERS[name]) for _ in range(OPENINGS)]
            rows.append(_row(f"browser: a filter of {of}", filtered, bare))
            keys, longest = _pressed(page, url)
            rows.append(_row(f"browser: a key on {of}", keys, bare))
            rows.append(_row(f"browser: longest halt of {of}", [longest], bare))
        changes = _changes(page, client, f"{service.batch_url}{BATCH}/jobs/{QUIET}")
        rows.append(_row("browser: a change reaches the page of a job", changes, bare, None))
    return Measured(rows, [REMARK])


def _row(what: str, samples: list[float], bare: list[float], goal: float | None = GOAL_MILLISECONDS) -> Row:
    return Row(what, "ms", samples, "first content of a page of one word", bare, goal)


@contextlib.contextmanager
def _browser(service: RunningService) -> Iterator[Page]:
    """A page of the operator's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield _entered(browser, service)
        finally:
            browser.close()


def _entered(browser: Browser, service: RunningService) -> Page:
    found = endpoints.load(service.data_dir)
    if found is None:
        raise operations.WorkloadError("the service does not run")
    page = browser.new_page()
    page.goto(link(service.data_dir, found))
    page.wait_for_url("**/-/portal/")
    return page


def _until_busy(client: Client) -> None:
    """All slots are taken."""
    deadline = time.monotonic() + operations.PATIENCE_SECONDS
    while client.get(f"/jobs/{JOB}/taskcounts")["taskCounts"]["running"] < NODES * SLOTS:
        if time.monotonic() > deadline:
            raise operations.WorkloadError("the nodes have not got their tasks")
        time.sleep(operations.POLL_SECONDS)


def _opened(page: Page, url: str) -> float:
    """Milliseconds until the first content."""
    page.goto(url, wait_until="load")
    return _number(page, _PAINTED)


def _filtered(page: Page, url: str, words: str) -> float:
    """The same, from the key that sent the filter."""
    page.goto(url, wait_until="load")
    page.evaluate(_ASKED)
    page.locator("[data-filter]").fill(words)
    with page.expect_navigation(url="**q=*", wait_until="load"):
        page.keyboard.press("Enter")
    return _number(page, _PAINTED) + _number(page, "performance.timeOrigin - Number(name)")


def _pressed(page: Page, url: str) -> tuple[list[float], float]:
    """What each key took until the page had been painted, and the longest halt meanwhile."""
    page.goto(url, wait_until="load")
    page.evaluate(_NOTE)
    for number in range(KEYS):
        page.keyboard.press("j" if number % 10 < 9 else "k")
        page.wait_for_timeout(100)  # so that all of it takes as long as some changes do
    noted: Any = page.evaluate("noted")
    told = [float(taken) for taken in noted["keys"]]
    return [*told, *[UNSEEN_MILLISECONDS] * (KEYS - len(told))], float(noted["longest"])


def _changes(page: Page, client: Client, url: str) -> list[float]:
    taken: list[float] = []
    page.goto(url, wait_until="load")
    for number in range(CHANGES):
        task = f"change{number}"
        client.post(f"/jobs/{QUIET}/tasks", {"id": task, "commandLine": "/bin/true"})
        answered = 1000 * time.time()
        taken.append(_number(page, f"({_AWAIT})({task!r})") - answered)
        page.wait_for_timeout(700)  # longer than the pause between two looks of the stream
    return taken


def _number(page: Page, script: str) -> float:
    return float(page.evaluate(script))
