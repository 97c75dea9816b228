"""The grammar of $filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.odata.filter import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    And,
    Comparison,
    Expression,
    Or,
    StartsWith,
    parse,
)
from batchite.wire.ticks import Timestamp

A = Comparison("a", "eq", 1)
B = Comparison("b", "eq", 2)
C = Comparison("c", "eq", 3)


def refusal(text: str) -> str:
    with pytest.raises(BatchError) as caught:
        parse(text)
    assert (caught.value.status, caught.value.code) == (400, "InvalidQueryParameterValue")
    assert dict(caught.value.values)["QueryParameterName"] == "$filter"
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a eq 1 and b eq 2 or c eq 3", Or((And((A, B)), C))),
        ("a eq 1 or b eq 2 and c eq 3", Or((A, And((B, C))))),
        ("(a eq 1 or b eq 2) and c eq 3", And((Or((A, B)), C))),
        ("((a eq 1))", A),
        ("a eq 1 and b eq 2 and c eq 3", And((A, B, C))),
        ("  a  eq\t1 ", A),
        ("startswith(id,'x')", StartsWith("id", "x")),
        ("startswith ( id , 'it''s' )", StartsWith("id", "it's")),
        ("executionInfo/exitCode ge -5", Comparison("executionInfo/exitCode", "ge", -5)),
        ("flag ne true", Comparison("flag", "ne", True)),
        ("startswith eq 'x'", Comparison("startswith", "eq", "x")),
        ("id eq 'a and b'", Comparison("id", "eq", "a and b")),
        ("id eq ''", Comparison("id", "eq", "")),
    ],
)
def test_expressions(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "literal",
    [
        "DateTime'2011-05-08T08:49:37Z'",
        "datetime'2011-05-08T08:49:37.000Z'",
        "DateTime'2011-05-08T10:49:37+02:00'",
        "DateTime'Sun, 08 May 2011 08:49:37 GMT'",
    ],
)
def test_times(literal: str) -> None:
    assert parse(f"t lt {literal}") == Comparison("t", "lt", Timestamp.parse("2011-05-08T08:49:37Z"))


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "the end"),
        ("a", "the end"),
        ("a is 1", "'is' at position 3"),
        ("a eq", "the end"),
        ("a eq b", "'b' at position 6"),
        ("a eq 1 b", "'b' at position 8"),
        ("a eq 1 and", "the end"),
        ("(a eq 1", "the end"),
        ("a eq 1)", "')' at position 7"),
        ("a eq 'x", "position 6"),
        ("a eq 1.5", "position 6"),
        ("a eq 9999999999999999999", "position 6"),
        ("startswith(id)", "')' at position 14"),
        ("startswith(id,5)", "'5' at position 15"),
        ("not a eq 1", "'a' at position 5"),
        ("a eq DateTime'yesterday'", "position 6"),
        ("a eq DateTime'2011-02-30T00:00:00Z'", "position 6"),
        ("a eq DateTime'Sun, 08 May 2011'", "position 6"),
        ("a eq '\0'", "NUL"),
        ("a == 1; drop table tasks", "position 3"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_position(text: str, finding: str) -> None:
    assert finding in refusal(text)


def test_nesting_is_limited() -> None:
    assert parse("(" * MAX_DEPTH + "a eq 1" + ")" * MAX_DEPTH) == A
    assert "parentheses" in refusal("(" * 4000 + "a eq 1" + ")" * 4000)


def test_the_number_of_comparisons_is_limited() -> None:
    assert isinstance(parse(" or ".join(["a eq 1"] * MAX_COMPARISONS)), Or)
    assert "comparisons" in refusal(" or ".join(["a eq 1"] * (MAX_COMPARISONS + 1)))


def test_the_length_is_limited() -> None:
    assert "longer than" in refusal("a eq '" + "x" * 10_000 + "'")


@given(st.text(alphabet="aeqornd '()1,/DateTime", max_size=60))
def test_any_text_is_an_expression_or_a_documented_error(text: str) -> None:
    try:
        outcome: object = parse(text)
    except BatchError as error:
        outcome = error
    assert isinstance(outcome, Comparison | StartsWith | And | Or | BatchError)


def write(expression: Expression) -> str:
    """The inverse of parsing, with every parenthesis."""
    match expression:
        case And(parts):
            return "(" + " and ".join(map(write, parts)) + ")"
        case Or(parts):
            return "(" + " or ".join(map(write, parts)) + ")"
        case StartsWith(name, text):
            return f"startswith({name},{quoted(text)})"
        case Comparison(name, operator, literal):
            return f"{name} {operator} {quoted(literal) if isinstance(literal, str) else literal}"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
leaves = st.builds(
    Comparison,
    st.sampled_from(["id", "executionInfo/exitCode"]),
    st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]),
    st.integers(-(10**17), 10**17) | texts,
) | st.builds(StartsWith, st.just("id"), texts)


def joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts)


@given(st.recursive(leaves, joined, max_leaves=8))
def test_every_expression_survives_being_written(expression: Expression) -> None:
    assert parse(write(expression)) == expression
