"""The filter box: what is typed, what is wrong with it and where, and how it can go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.batch.searching import language, tasks
from batchite.batch.searching.language import MAX_LENGTH, Problem
from batchite.resources.searches import Pattern, TaskSearch, Term


def read(text: str) -> TaskSearch:
    search, parsed = tasks.read(text)
    assert parsed.problems == ()
    assert search is not None
    return search


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  ", ()),
        ("state:failed", (Term("state", (Pattern("failed"),)),)),
        ("STATE:Failed,active", (Term("state", (Pattern("failed"), Pattern("active"))),)),
        ("-exit:100", (Term("exit", (Pattern("100"),), is_excluded=True),)),
        ("-retries:0", (Term("retries", (Pattern("0"),), is_excluded=True),)),
        ("exit:-1", (Term("exit", (Pattern("-1"),)),)),
        ("render", (Term("id", (Pattern("render", True),)),)),
        ("Render*", (Term("id", (Pattern("render", True),)),)),
        ("id:Render", (Term("id", (Pattern("render"),)),)),
        ("node:tvm-*", (Term("node", (Pattern("tvm-", True),)),)),
        ("id:* cause:ab", (Term("id", (Pattern("", True),)), Term("cause", (Pattern("ab"),)))),
        ("id:a:b", (Term("id", (Pattern("a:b"),)),)),
    ],
)
def test_what_is_searched_for(text: str, terms: tuple[Term, ...]) -> None:
    assert read(text).terms == terms


@pytest.mark.parametrize(
    ("text", "start", "end", "why"),
    [
        ("ok stat:failed", 3, 7, "did you mean 'state'?"),
        ("state:failed,broken", 13, 19, "'broken'"),
        ("state:fail*", 6, 11, "without the *"),
        ("-exit:some", 6, 10, "'some'"),
        ("exit:", 5, 5, "exit:7"),
        ("state:,failed", 6, 6, "state:active"),
        ("x exit:99999999999", 7, 18, "whole numbers"),
        ("id:a\0b", 4, 6, "NUL"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, start: int, end: int, why: str) -> None:
    search, parsed = tasks.read(text)
    (problem,) = parsed.problems
    assert search is None
    assert (problem.start, problem.end) == (start, end)
    assert why in problem.text


def test_every_mistake_is_told() -> None:
    _, parsed = tasks.read("exit:a ok state:b x:c")
    assert [problem.start for problem in parsed.problems] == [5, 16, 18]


def test_there_is_an_end_to_it() -> None:
    for text in ("x" * (MAX_LENGTH + 1), "x " * 21, f"id:{'x,' * 21}x"):
        assert isinstance(tasks.read(text)[1].problems[0], Problem)


@given(st.text(max_size=60) | st.text("stae:id,*- nox1", max_size=60))
def test_nothing_that_is_typed_makes_it_fail(text: str) -> None:
    search, parsed = tasks.read(text)
    assert (search is None) == bool(parsed.problems)
    for problem in parsed.problems:
        assert 0 <= problem.start <= problem.end <= len(text)
    for hint in language.hints(text, len(text), tasks.QUALIFIERS):
        assert hint.text.startswith(text[: text.rfind(" ") + 1])


def hints(text: str, cursor: int | None = None) -> list[str]:
    offered = {"cause": [("ab12", "37 tasks: gone"), ("cd34", "1 task: odd")]}
    at = len(text) if cursor is None else cursor
    return [hint.text for hint in language.hints(text, at, tasks.QUALIFIERS, offered)]


def test_how_it_can_go_on() -> None:
    assert hints("") == ["state:", "id:", "node:", "exit:", "retries:", "cause:"]
    assert hints("s") == ["state:"]
    assert hints("x -s") == ["x -state:"]
    assert hints("state:f") == ["state:failed"]
    assert hints("state:failed,r") == ["state:failed,running"]
    assert hints("state:failed") == []
    assert hints("cause:") == ["cause:ab12", "cause:cd34"]
    assert hints("st exit:1", 2) == ["state: exit:1"]
    assert hints("exit:") == hints("what:") == []
