"""What people type into the box above a list."""

from typing import Any

import pytest

from batchite.portal.answers import Refused
from batchite.portal.filtering import parse
from batchite.wire.batch.odata.filter import And, Comparison, Or, StartsWith

WORDS = {"id": "id", "state": "state", "exit": "executionInfo/exitCode"}


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("", None),
        ("   ", None),
        ("night", StartsWith("id", "night")),
        ("night*", StartsWith("id", "night")),
        ("id:night*", StartsWith("id", "night")),
        ("state:active", Comparison("state", "eq", "active")),
        ("-state:active", Comparison("state", "ne", "active")),
        (
            "state:active,completed",
            Or((Comparison("state", "eq", "active"), Comparison("state", "eq", "completed"))),
        ),
        (
            "-state:active,completed",
            And((Comparison("state", "ne", "active"), Comparison("state", "ne", "completed"))),
        ),
        ("exit:3", Comparison("executionInfo/exitCode", "eq", 3)),
        ("exit:-1 a", And((Comparison("executionInfo/exitCode", "eq", -1), StartsWith("id", "a")))),
        ("id:'x' or 1", And((Comparison("id", "eq", "'x'"), StartsWith("id", "or"), StartsWith("id", "1")))),
    ],
)
def test_words_become_an_expression(text: str, expression: Any) -> None:
    assert parse(text, WORDS, numbers=("exit",)) == expression


@pytest.mark.parametrize("text", ["colour:red", "state:", ":", "-", "exit:three", " ".join(["a"] * 21)])
def test_what_cannot_be_filtered_by_is_told(text: str) -> None:
    if text == "-":
        assert parse(text, WORDS) == StartsWith("id", "-")
        return
    with pytest.raises(Refused) as caught:
        parse(text, WORDS, numbers=("exit",))
    assert caught.value.status == 400
