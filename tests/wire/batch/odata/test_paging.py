"""Page sizes and skip tokens."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.odata.paging import make_token, parse_max_results, read_token

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(texts, texts)
def test_a_token_leads_back_and_is_fit_for_urls(context: str, position: str) -> None:
    token = make_token(context, position)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert read_token(context, token) == position


def test_a_token_belongs_to_its_list() -> None:
    token = make_token("devbatch/jobs", "17")
    with pytest.raises(BatchError, match=r"\$skiptoken"):
        read_token("devbatch/pools", token)


def test_a_token_changed_anywhere_is_refused() -> None:
    token = make_token("devbatch/jobs", "123456")
    for index, old in enumerate(token[:-1]):
        changed = token[:index] + ("A" if old != "A" else "B") + token[index + 1 :]
        with pytest.raises(BatchError) as caught:
            read_token("devbatch/jobs", changed)
        assert (caught.value.status, caught.value.code) == (400, "InvalidQueryParameterValue")


@pytest.mark.parametrize("token", ["", "=", "a", "{0}", "ü", "x" * 100_000, "AAAA AAAA", "////"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(BatchError) as caught:
        read_token("devbatch/jobs", token)
    assert caught.value.code == "InvalidQueryParameterValue"


def test_page_sizes() -> None:
    assert parse_max_results(None) == 1000
    assert parse_max_results("1") == 1
    assert parse_max_results("1000") == 1000
    assert parse_max_results(None, limit=10) == 10


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0", "OutOfRangeQueryParameterValue"),
        ("1001", "OutOfRangeQueryParameterValue"),
        ("9" * 5000, "OutOfRangeQueryParameterValue"),
        ("-1", "InvalidQueryParameterValue"),
        ("ten", "InvalidQueryParameterValue"),
        ("", "InvalidQueryParameterValue"),
        ("١", "InvalidQueryParameterValue"),
    ],
)
def test_other_page_sizes_are_refused(text: str, code: str) -> None:
    with pytest.raises(BatchError) as caught:
        parse_max_results(text)
    assert caught.value.code == code
