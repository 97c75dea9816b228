import pytest

from batchite.wire.blob import tag_filter
from batchite.wire.blob.tag_filter import Comparison, FilterError

TAGS = {"color": "red", "size": "10", "a b": "x/y"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("color = 'red'", True),
        ("\"color\"='red'", True),
        ("color='blue'", False),
        ("color <> 'blue'", True),
        ("other <> 'blue'", True),
        ("other = ''", False),
        ("size > '09' AND size <= '10'", True),
        ("size < '10' OR color >= 'r'", True),
        ("not color = 'red'", False),
        ("NOT (color='red' AND size='9')", True),
        ("color='blue' AND size='10' OR \"a b\"='x/y'", True),
        ("color='blue' AND (size='10' OR \"a b\"='x/y')", False),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert tag_filter.condition(text).holds(TAGS) is holds


def test_a_search_is_comparisons_that_all_have_to_hold() -> None:
    assert tag_filter.search("@container='c1' and \"a b\" >= 'x'") == (
        Comparison("@container", "=", "c1"),
        Comparison("a b", ">=", "x"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the name of a tag at character 1"),
        ("color", "one of = <> > >= < <="),
        ("color = red", "a value in single quotes at character 8"),
        ("color = 'red' AND", "the name of a tag"),
        ("color = 'red", "a name, an operator or a value"),
        ("color = 'red' OR size='1'", "expected AND"),
        ("(color = 'red')", "the name of a tag"),
        ("color <> 'red'", "for conditions only, not for a search at character 6"),
        ("a='1' AND @other = 'red'", "unsupported parameter '@other'.* at character 10"),
        ("@container > 'red' AND a='1'", "compared by = only"),
        ("@container = 'red'", "at least one tag"),
        ("\"a,b\" = 'red'", "letters, digits, spaces and .* at character 1"),
        ("'key 1'='a'", "the name of a tag at character 1"),
        ("key-1='a'", "a name, an operator or a value"),
        ("color = 'valffffff @'", "letters, digits, spaces and .* at character 8"),
        ("\"\" = 'a'", "1 to 128 characters at character 1"),
        (f"{'k' * 129} = 'a'", "1 to 128 characters at character 1"),
        (f"color = '{'v' * 257}'", "at most 256 characters at character 8"),
        (" AND ".join(f"k{number}='1'" for number in range(11)), "at most 10 unique tags"),
        ("a = '1' AND a = '2'", "compared once, or by a lower and an upper bound"),
        ("a > '1' AND a >= '2'", "compared once, or by a lower and an upper bound"),
        ("a > '1' AND a < '3' AND a < '2'", "compared once, or by a lower and an upper bound"),
    ],
)
def test_a_search_says_what_is_wrong_with_it(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        tag_filter.search(text)


def test_ten_tags_and_a_container_are_searched_and_a_tag_in_a_range() -> None:
    text = " AND ".join(f"k{number}>='1' AND k{number}<'2'" for number in range(10))
    assert len(tag_filter.search(f"{text} AND @container='c'")) == 21


@pytest.mark.parametrize("word", ["AND", "OR"])
def test_a_condition_has_a_thousand_comparisons(word: str) -> None:
    most = f" {word} ".join(["color='red'"] * 1000)
    assert tag_filter.condition(most).holds(TAGS)
    with pytest.raises(FilterError, match="at most 1000 comparisons"):
        tag_filter.condition(f"{most} {word} color='red'")


@pytest.mark.parametrize("text", ["(" * 5000, "NOT " * 2000, "a='1'" + " AND a='1'" * 20_000])
def test_what_is_too_deep_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match=r"at most|more than"):
        tag_filter.condition(text)
