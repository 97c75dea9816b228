"""What people and programs see of values, hostile ones among them."""

from __future__ import annotations

import json

import pytest

from batchite.cli import printing


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ([], "-"),
        (True, "true"),
        (0, "0"),
        ("a\tb\nc", "a\\tb\\nc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("abc\u202etxt", "abc\\u202etxt"),
        ("Grüße", "Grüße"),
    ],
)
def test_values_in_a_line(value: object, text: str) -> None:
    assert printing.shown(value) == text


def test_nested_values_are_indented(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_indented({"id": "p", "startTask": {"commandLine": "x", "files": [{"a": 1, "b": 2}, 3]}})
    assert capsys.readouterr().out.splitlines() == [
        "id  p",
        "startTask",
        "  commandLine  x",
        "  files",
        "    - a  1",
        "      b  2",
        "    - 3",
    ]


@pytest.mark.parametrize("values", [[], [1], [{"a": "b"}, {"c": None}]])
def test_json_lists_are_json(values: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_json_list(iter(values))
    assert json.loads(capsys.readouterr().out) == values
