"""What other people's pages can do with somebody's session: nothing."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.batch.service import RecordingOwner
from tests.portal.service import BLOB_URL, Answer, Browser, serving

from batchite.portal import static
from batchite.portal.visit import ROOT
from batchite.store.database import Database

DELETE = "/batch/devbatch/pools/films/delete"


@pytest.fixture
async def pool(operator: Browser) -> str:
    assert (await operator.api.add_pool("films")).status == 201
    return "films"


async def state(browser: Browser, pool: str) -> str:
    answer = await browser.api.get(f"/pools/{pool}")
    return str(answer.json["state"])


async def test_a_form_of_ours_changes_what_it_says(
    operator: Browser, pool: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await operator.post(DELETE)
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}/batch/devbatch/pools")
    assert await state(operator, pool) == "deleting"
    assert "Pool films is being deleted" in await operator.page("/batch/devbatch/pools")
    assert "Pool films is being deleted" not in await operator.page("/batch/devbatch/pools"), (
        "it is told once"
    )
    (line,) = [record.getMessage() for record in caplog.records if DELETE in record.getMessage()]
    assert line == f"operator: POST {ROOT}{DELETE}: Pool films is being deleted, with its nodes."


@pytest.mark.parametrize(
    "told",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"host": "evil.example"},
    ],
    ids=lambda told: "-".join(f"{name}={value}" for name, value in told.items()),
)
async def test_no_page_of_another_origin_changes_anything(
    operator: Browser, pool: str, told: Mapping[str, str]
) -> None:
    assert (await operator.post(DELETE, **told)).status in (400, 403)
    assert await state(operator, pool) == "active"


async def test_nothing_is_changed_without_the_session_s_own_token(operator: Browser, pool: str) -> None:
    mine = await operator.token()
    kept = dict(operator.cookies)
    await operator.enter()
    other = await operator.token()
    assert mine != other
    operator.cookies = kept
    forms: list[dict[str, str]] = [{}, {"csrf-token": ""}, {"csrf-token": other}, {"csrf-token": "é"}]
    for form in forms:
        answer = await operator.ask("POST", ROOT + DELETE, form)
        assert answer.status == 403
    assert (await operator.ask("POST", ROOT + DELETE, {}, x_csrf_token=other)).status == 403
    assert await state(operator, pool) == "active"
    assert (await operator.ask("POST", ROOT + DELETE, {}, x_csrf_token=mine)).status == 303
    assert await state(operator, pool) == "deleting"


async def test_looking_changes_nothing(operator: Browser, pool: str) -> None:
    assert (await operator.get(DELETE)).status == 405
    assert (await operator.ask("HEAD", ROOT + DELETE)).status == 405
    assert await state(operator, pool) == "active"


async def test_no_page_of_another_origin_reads_anything(operator: Browser) -> None:
    """Not even where the browser would hand over the cookie: another port of the same machine."""
    for mode, dest in (
        ("no-cors", "image"),
        ("cors", "empty"),
        ("navigate", "iframe"),
        ("no-cors", "script"),
    ):
        answer = await operator.get("/", sec_fetch_site="same-site", sec_fetch_mode=mode, sec_fetch_dest=dest)
        assert answer.status == 400
        assert "devbatch" not in answer.text
    answer = await operator.get("/", sec_fetch_site="same-site")
    assert answer.status == 200, "a link leads there"


async def test_a_portal_for_reading_changes_nothing(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(database, tmp_path, is_read_only=True) as browser:
        await browser.enter()
        await browser.api.add_pool("films")
        page = await browser.page("/batch/devbatch/pools/films")
        assert "read-only" in page
        assert DELETE not in page
        answer = await browser.post(DELETE)
        assert answer.status == 403
        assert await state(browser, "films") == "active"
        assert f"operator: POST {ROOT}{DELETE}: refused, " in caplog.text


async def test_a_service_that_stops_changes_nothing(database: Database, tmp_path: Path) -> None:
    owner = RecordingOwner()
    async with serving(database, tmp_path, owner=owner) as browser:
        await browser.enter()
        await browser.api.add_pool("films")
        owner.is_stopping = True
        assert (await browser.post(DELETE)).status == 503
        assert await state(browser, "films") == "active"


async def test_every_page_tells_the_browser_what_may_run(operator: Browser) -> None:
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {BLOB_URL}; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    )
    answers = [await operator.get(path) for path in ("/", "/batch/devbatch/pools", "/nothing", "/%ff")]
    for answer in answers:
        _check_headers(answer)
        assert answer.headers["content-security-policy"] == policy
        assert answer.headers["referrer-policy"] == "same-origin"
    operator.cookies = {}
    for path in ("/", "/enter", "/enter?token=x"):
        _check_headers(await operator.get(path))


def _check_headers(answer: Answer) -> None:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_the_audit_is_heard_whatever_the_log_s_level() -> None:
    assert logging.getLogger("batchite.portal.audit").isEnabledFor(logging.INFO)


async def test_static_files_are_kept_under_a_url_that_says_their_content(stranger: Browser) -> None:
    url = static.url("portal.css")
    answer = await stranger.ask("GET", url)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert ":root" in answer.text
    assert (await stranger.ask("GET", url, if_none_match=answer.headers["etag"])).status == 304
    plain = await stranger.ask("GET", url, accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text
    for wrong in (
        "0" * 16 + "/portal.css",
        url.split("/")[-2] + "/nothing.css",
        "../app.py",
        "",
        "x/../../app.py",
    ):
        assert (await stranger.ask("GET", f"{static.PATH}/{wrong}")).status == 404
