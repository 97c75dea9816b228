"""The body of an error answer."""

from __future__ import annotations

import json

import pytest

from batchite.wire.batch.errors import CODES, BatchError, body, content, invalid_property, quote
from batchite.wire.ticks import Timestamp

NOW = Timestamp.parse("2026-01-31T12:00:00.5Z")


def test_the_body_has_the_documented_form() -> None:
    error = invalid_property("priority", 2000, "must lie between -1000 and 1000")
    answer = json.loads(body(error, "the-id", NOW, "http://127.0.0.1:10003"))
    assert list(answer) == ["odata.metadata", "code", "message", "values"]
    entity = "Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"
    assert answer["odata.metadata"] == f"http://127.0.0.1:10003/$metadata#{entity}"
    assert answer["code"] == "InvalidPropertyValue"
    assert answer["message"]["lang"] == "en-US"
    assert answer["message"]["value"].endswith("\nRequestId:the-id\nTime:2026-01-31T12:00:00.5Z")
    assert answer["values"] == [
        {"key": "PropertyName", "value": "priority"},
        {"key": "PropertyValue", "value": "2000"},
        {"key": "Reason", "value": "it must lie between -1000 and 1000"},
    ]


def test_an_error_without_details_has_no_values() -> None:
    assert set(content(BatchError("PoolNotFound"), "id", NOW)) == {"code", "message"}


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        ("PoolNotFound", 404, "The specified pool does not exist."),
        ("JobExists", 409, "The specified job already exists."),
    ],
)
def test_texts_that_clients_look_for(code: str, status: int, text: str) -> None:
    error = BatchError(code)
    assert (error.status, error.message) == (status, text)


def test_every_code_has_a_status_of_an_error_and_a_sentence() -> None:
    for code, (status, text) in CODES.items():
        assert 400 <= status <= 507, code
        assert text.endswith("."), code


def test_a_code_that_is_not_documented_cannot_be_used() -> None:
    with pytest.raises(KeyError):
        BatchError("MadeUp")


def test_quotes_are_short_and_can_be_encoded() -> None:
    assert len(quote("x" * 10_000)) < 250
    assert quote("\ud800").encode() == b'"?"'
