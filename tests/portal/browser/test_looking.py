"""The portal as people see and use it, in a real browser, of the real product."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect
from tests.portal.browser import seeing

from batchite.testing.service import RunningService

pytestmark = pytest.mark.system

POOLS = "/batch/devbatch/pools"


def test_the_link_of_the_start_leads_to_the_first_page(browser: Browser, service: RunningService) -> None:
    (line,) = [line for line in service.lines if line.startswith("Portal")]
    page = browser.new_page()
    page.goto(line.split()[1])
    page.wait_for_url("**/-/portal/")
    expect(page.get_by_role("link", name="Pools")).to_be_visible()
    assert "token" not in page.evaluate("location.href")
    page.context.close()


def test_pools_are_looked_at_and_one_is_deleted(browser: Browser, service: RunningService) -> None:
    client = seeing.client(service)
    client.create_pool(seeing.pool("old"))
    with seeing.look(browser, service) as look:
        page = look.page
        page.get_by_role("link", name="Pools", exact=True).click()
        there = len(list(client.list_pools()))
        expect(page.get_by_role("row")).to_have_count(1 + there)  # with the table's head
        page.get_by_role("link", name="old").click()
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog", name="Delete the pool old?")
        dialog.get_by_role("button", name="Leave it").click()
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Delete").click()
        dialog.get_by_role("button", name="Delete the pool").click()
        expect(page.get_by_role("status").first).to_have_text("Pool old is being deleted, with its nodes.")
    seeing.until(lambda: "old" not in [pool.id for pool in client.list_pools()], "the pool is gone")


def test_names_of_strangers_are_seen_and_do_nothing(browser: Browser, service: RunningService) -> None:
    with seeing.look(browser, service) as look:
        look.go(POOLS)
        expect(look.page.get_by_text("<b>of the night</b>⟨202E⟩")).to_be_visible()


def test_keys_lead_through_the_pages(browser: Browser, service: RunningService) -> None:
    with seeing.look(browser, service) as look:
        page, keys = look.page, look.page.keyboard
        keys.press("g")
        keys.press("p")
        page.wait_for_url(f"**{POOLS}")
        keys.press("/")
        keys.type("films")
        keys.press("Enter")
        page.wait_for_url("**?q=films")
        expect(page.get_by_role("row")).to_have_count(2)
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url(f"**{POOLS}/films")
        keys.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        keys.press("Escape")
        page.go_back()
        expect(page.get_by_role("searchbox")).to_have_value("films")


def test_dark_and_light_are_kept(browser: Browser, service: RunningService) -> None:
    with seeing.look(browser, service, color_scheme="dark") as look:
        page = look.page
        dark = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
        page.get_by_role("button", name="Dark or light").click()
        look.go(POOLS)
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != dark


def test_times_are_told_in_words_with_the_moment_beside(browser: Browser, service: RunningService) -> None:
    with seeing.look(browser, service, timezone_id="Asia/Tokyo") as look:
        look.go(POOLS)
        time = look.page.locator("time").first
        assert "ago" in (time.text_content() or "") or time.text_content() == "now"
        assert "here, 20" in (time.get_attribute("title") or "")


@pytest.mark.parametrize("is_secure", [True, False], ids=["clipboard", "without a clipboard"])
def test_lines_are_copied(browser: Browser, service: RunningService, is_secure: bool) -> None:
    with seeing.look(browser, service, permissions=["clipboard-read", "clipboard-write"]) as look:
        look.go(f"{POOLS}?q=")
        look.go("/")
        if not is_secure:  # as on plain http from another machine
            look.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        seeing.stop_clock(look.page)
        look.page.get_by_role("button", name="Copy the Batch endpoint").first.click()
        expect(look.page.get_by_title("Copied")).to_be_visible()
        if is_secure:
            assert look.page.evaluate("navigator.clipboard.readText()") == service.batch_url


@pytest.mark.parametrize("path", ["/", POOLS, f"{POOLS}/films", f"{POOLS}/empty", "/../docs/batch"])
def test_pages_fit_a_phone(browser: Browser, service: RunningService, path: str) -> None:
    with seeing.look(browser, service, viewport={"width": 390, "height": 800}) as look:
        look.go(path)
        assert look.page.evaluate("document.documentElement.scrollWidth") <= 390


PAGES = [
    "/",
    "/accounts?keys=show",
    "/../docs/batch",
    "/../docs/?q=pool",
    "/storage",
    POOLS,
    f"{POOLS}/films",
    f"{POOLS}?q=wrong:1",
]
PAGES += ["/batch/devbatch/jobs", "/batch/devbatch/pools/nothing"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_meets_an_obstacle(
    browser: Browser, service: RunningService, scheme: Literal["light", "dark"]
) -> None:
    axe = seeing.axe()
    client = seeing.client(service)
    seeing.until(lambda: bool(list(client.list_nodes("films"))), "the pool has its node")
    (node,) = client.list_nodes("films")
    of_node = f"{POOLS}/films/nodes/{node.id}"
    with seeing.entered(browser, service, color_scheme=scheme) as (_, page, looking):
        for path in (*PAGES, of_node, f"{of_node}/files"):
            looking.go(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            told = [
                (path, each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]
            ]
            assert told == []
            assert found["passes"], "axe has looked"


@contextmanager
def evil_page(content: str) -> Iterator[str]:
    """A page on another port of the same machine: to a browser the same site, though not the same origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_page_of_another_origin_can_do_nothing(browser: Browser, service: RunningService) -> None:
    client = seeing.client(service)
    with seeing.entered(browser, service) as (_, page, looking):
        target = looking.url(f"{POOLS}/films/delete")
        form = f"<form method=post action='{target}'><button>Win</button></form>"
        with evil_page(f"{form}<iframe src='{looking.url('/')}'>") as url:
            page.goto(url)
            read = "url => fetch(url, {credentials: 'include'}).then(a => a.text(), () => 'refused')"
            assert page.evaluate(read, looking.url("/")) == "refused"
            sent = "{method: 'POST', credentials: 'include', mode: 'no-cors'}"
            page.evaluate(f"url => fetch(url, {sent}).then(() => 0, () => 0)", target)
            frame = page.frames[1]
            assert "devbatch" not in frame.content()
            page.get_by_role("button", name="Win").click()
            page.wait_for_url(target)
            assert "devbatch" not in page.content().replace(target, "")
    assert client.get_pool("films").state == "active"


def test_a_page_follows_what_it_shows(browser: Browser, service: RunningService) -> None:
    client = seeing.client(service)
    with seeing.look(browser, service) as look:
        look.go(f"{POOLS}?q=later*")
        expect(look.page.get_by_role("row")).to_have_count(0)
        client.create_pool(seeing.pool("later-1"))
        expect(look.page.get_by_role("link", name="later-1")).to_be_visible()
        client.create_pool(seeing.pool("later-2"))
        expect(look.page.get_by_role("row")).to_have_count(3)
        requests = len(look.asked)
        look.page.get_by_role("link", name="later-1").focus()
        client.create_pool(seeing.pool("later-3"))
        expect(look.page.get_by_role("row")).to_have_count(4)
        expect(look.page.get_by_role("link", name="later-1")).to_be_focused()
        assert len(look.asked) == requests, "one stream brings it all"
    for number in (1, 2, 3):
        client.begin_delete_pool(f"later-{number}")
