"""Pages are packed for browsers that take it, and no length tells a secret."""

from __future__ import annotations

import pytest
from tests.portal.service import Answer, Browser

from batchite.portal.visit import DOCS, ROOT


def encoding(answer: Answer) -> str | None:
    return answer.headers.get("content-encoding")


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("deflate,GZIP , br", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("nogzip", False),
        ("gzip  , br", True),
        (f"gzip{' ' * 200_000}x", False),
    ],
)
async def test_a_page_is_packed_for_who_takes_it(operator: Browser, accepted: str, packed: bool) -> None:
    answer = await operator.get("/batch/devbatch/pools", accept_encoding=accepted)
    assert encoding(answer) == ("gzip" if packed else None)
    assert answer.headers["vary"] == "accept-encoding"
    assert "No pools yet" in answer.text


async def test_docs_and_refusals_are_packed_too(operator: Browser) -> None:
    assert encoding(await operator.ask("GET", f"{DOCS}/batch")) == "gzip"
    refused = await operator.get("/batch/devbatch/pools/nothing")
    assert (refused.status, encoding(refused)) == (404, "gzip")


async def test_a_page_that_shows_keys_is_not_packed(operator: Browser) -> None:
    assert encoding(await operator.get("/accounts")) == "gzip"
    assert encoding(await operator.get("/accounts?keys=show")) is None


async def test_a_token_is_another_text_in_every_page(operator: Browser) -> None:
    first, second = await operator.token(), await operator.token()
    assert len({first[:64], second[:64], first[64:], second[64:]}) == 4
    for mine in (first, second):
        answer = await operator.ask("POST", f"{ROOT}/batch/devbatch/pools/none/delete", {}, x_csrf_token=mine)
        assert answer.status == 404, "it was heard"
    wrong = first[:64] + second[64:]
    for text in (wrong, first[:64], first[64:], first[:-2], "00" * 64):
        answer = await operator.ask("POST", f"{ROOT}/batch/devbatch/pools/none/delete", {}, x_csrf_token=text)
        assert answer.status == 403
