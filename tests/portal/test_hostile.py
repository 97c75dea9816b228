"""Requests that no browser sends: all are answered, none with a mistake of ours."""

import random
from urllib.parse import quote

import pytest
from tests.portal.service import Browser

from batchite.portal.app import ROUTES
from batchite.portal.visit import ROOT

VALUES = [
    "",
    "%00",
    "%ff",
    "%2f",
    "..",
    ".",
    "%E2%80%AE",
    "a" * 3000,
    "devbatch",
    "'",
    "%3Cb%3E",
    "9" * 30,
    "%",
]
QUERIES = [
    "",
    "q=%ff",
    "q=" + "a:b," * 500,
    "after=-1",
    "after=" + "9" * 40,
    "after=%E2%91%A0",
    "of=%ff",
    "keys=x",
]
FORMS: list[dict[str, str]] = [
    {},
    {"name": "\x00", "kind": "both"},
    {"which": "9" * 5000},
    {"csrf-token": "é"},
]


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_escapes(operator: Browser, seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - no secrets
    await operator.api.add_pool("films")
    for _ in range(60):
        route = choose.choice(ROUTES)
        segments = [
            choose.choice(VALUES) if each.startswith("{") or choose.random() < 0.05 else each
            for each in route.path.split("/")
        ]
        target = "/".join(segments) + "?" + choose.choice(QUERIES)
        if not target.startswith(f"{ROOT}/") or "/leave" in target:
            continue
        form = choose.choice(FORMS) if route.verb == "POST" else None
        answer = await operator.ask(choose.choice([route.verb, route.verb, "PUT", "HEAD"]), target, form)
        assert answer.status < 500 or answer.status in (501, 503), target


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "=",
        ";;;",
        "a=b" * 1000,
        "\x01",
        '"',
        "batchite-theme=<script>",
        "batchite-theme=dark;dark",
        'batchite-theme="' + '\\"' * 30_000,
        ";" * 200_000,
    ],
)
async def test_any_cookie_is_read(stranger: Browser, cookie: str) -> None:
    answer = await stranger.get("/", cookie=quote(cookie, safe='=;"<> '))
    assert answer.status == 401
    assert "<script>" not in answer.text


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"&" * 5000, b"=" * 10, b"a" * 300_000])
async def test_any_form_is_read(operator: Browser, body: bytes) -> None:
    token = await operator.token()
    headers = {"x-csrf-token": token, "origin": operator.url, "cookie": operator.cookie}
    headers["content-type"] = "application/x-www-form-urlencoded"
    for path in ("/accounts/add", "/enter"):
        url = f"{operator.url}{ROOT}{path}"
        async with operator.api.session.post(
            url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            assert 400 <= answer.status < 500
