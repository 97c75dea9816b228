"""The docs are there for anybody, also who has not come into the portal."""

import re

import pytest
from tests.portal.service import Browser

from batchite.batch import refusals
from batchite.wire.batch import errors

DRAWN = {"svg", "title", "style", "defs", "marker", "path", "rect", "circle", "text"}


async def test_a_stranger_reads_them(stranger: Browser) -> None:
    index = await stranger.ask("GET", "/-/docs/")
    assert index.status == 200
    assert "script-src 'self'" in index.headers["content-security-policy"]
    page = await stranger.ask("GET", "/-/docs/explain")
    assert page.status == 200
    assert "<h1" in page.text
    moved = await stranger.ask("GET", "/-/docs")
    assert (moved.status, moved.headers["location"]) == (308, "/-/docs/")


async def test_what_is_searched_for_is_text(stranger: Browser) -> None:
    answer = await stranger.ask("GET", "/-/docs/?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert answer.status == 200
    assert "<script>alert" not in answer.text
    assert "Nothing found" in answer.text


async def test_drawings_are_shown_and_can_do_nothing(stranger: Browser) -> None:
    for name in ("workflow", "task"):
        answer = await stranger.ask("GET", f"/-/docs/images/{name}.svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src")
        assert set(re.findall(r"<(\w+)", answer.text)) <= DRAWN


@pytest.mark.parametrize(
    "path", ["nothing", "%2e%2e%2fREADME", "../generate.py", "images/../../x.png", "%00"]
)
async def test_nothing_else_is_served(stranger: Browser, path: str) -> None:
    assert (await stranger.ask("GET", f"/-/docs/{path}")).status == 404


async def test_they_are_for_reading(stranger: Browser) -> None:
    assert (await stranger.ask("POST", "/-/docs/")).status == 405


async def test_a_refusal_points_to_its_code(operator: Browser) -> None:
    answer = await operator.api.get("/pools/nothing")
    assert answer.status == 404
    assert answer.headers["Link"] == f'<{refusals.HELP}#poolnotfound>; rel="help"'
    page = await operator.ask("GET", refusals.HELP)
    assert 'id="poolnotfound"' in page.text
    assert errors.CODES["PoolNotFound"][1] in page.text
