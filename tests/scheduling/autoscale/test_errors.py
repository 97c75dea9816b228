"""Formulas that cannot be read, or name what there is not: where, and what was expected."""

from __future__ import annotations

import pytest
from tests.scheduling.autoscale.surroundings import PERIOD, come_to

from batchite.scheduling.autoscale.errors import (
    FormulaSyntaxError,
    Place,
    ShortageError,
    underlined,
)
from batchite.scheduling.autoscale.evaluation import Formula
from batchite.scheduling.autoscale.samples import Samples

UNREADABLE = {
    "": "Line 1, Col 1: expected a statement such as $TargetDedicatedNodes = 1, found the end",
    "  // nothing\n": "Line 2, Col 1: expected a statement",
    ";;": "Line 1, Col 3: expected a statement",
    "something_useless": "Line 1, Col 18: expected '=' after 'something_useless', found the end",
    "$something_useless": "Line 1, Col 19: expected '=' after '$something_useless'",
    "max(1, 2);": "Line 1, Col 4: expected '=' after 'max', found '('; a statement assigns: NAME = VALUE",
    "5 = x": "Line 1, Col 1: expected the name of a variable to assign, found '5'",
    "x =": "Line 1, Col 4: expected a value, found the end of the formula",
    "x = ;": "Line 1, Col 5: expected a value, found ';'",
    "x = 1 2": "Line 1, Col 7: expected an operator or ';' between statements, found '2'",
    "x = 1\ny = 2": "Line 2, Col 1: expected an operator or ';' between statements, found 'y'",
    "x = y = 2": "Line 1, Col 7: expected an operator or ';' between statements, found '='; == compares",
    "x = (1": "Line 1, Col 7: expected ')' to close the one before, found the end",
    "x = max(1, 2": "Line 1, Col 13: expected ')' or ',' between arguments",
    "x = max(1,)": "Line 1, Col 11: expected a value, found ')'",
    "x = 1 ? 2": "Line 1, Col 10: expected ':' between the two values of ?",
    "x = 1 ? : 2": "Line 1, Col 9: expected a value, found ':'",
    "x = * 2": "Line 1, Col 5: expected a value, found '*'",
    "x = +2": "Line 1, Col 5: expected a value, found '+'",
    "x = 2 * / 3": "Line 1, Col 9: expected a value, found '/'",
    "x = 7 % 2": "Line 1, Col 7: unexpected character '%': there is no operator %",
    "x = 1 & 2": "Line 1, Col 7: unexpected character '&': && is the operator for both",
    "x = 1 | 2": "unexpected character '|': || is the operator for either",
    "x = 2 ^ 3": "unexpected character '^': there is no operator ^",
    "x = [1, 2]": "unexpected character '[': vec(…) makes a doubleVec",
    "x = {1}": "unexpected character '{': values are grouped by ( and )",
    'x = "abc': "Line 1, Col 5: unexpected character '\"': the string has no end on its line",
    "x = 'abc\n'": "Line 1, Col 5: unexpected character ''': the string has no end on its line",
    "$ = 1": "Line 1, Col 1: unexpected character '$': a name follows $",
    "x = 1 # no": "Line 1, Col 7: unexpected character '#'",
    "x = 1\x00": "Line 1, Col 6: unexpected character 'U+0000'",
    "größe = 1": "Line 1, Col 3: unexpected character 'ö'",
    "x = 0x10": "Line 1, Col 6: expected an operator or ';' between statements, found 'x10'",
    "x = 1e999": "Line 1, Col 5: the number is too large",
    "x = 1\n  + unknown": "Line 2, Col 5: there is no variable 'unknown'",
    "x = y; y = 1": "Line 1, Col 5: there is no variable 'y'",
    "x = x": "there is no variable 'x'",
    "x = true": "there is no variable 'true'",
    "x = max": "'max' is a function, so its arguments follow in parentheses",
    "x = median(1, 2)": "Line 1, Col 5: there is no function 'median'; there are avg, ceil, floor",
    "x = $ActiveTasks()": "there is no function '$ActiveTasks'",
    "x = ceil()": "Line 1, Col 5: ceil() takes 1 arguments, and has 0",
    "x = ceil(1, 2)": "ceil() takes 1 arguments, and has 2",
    "x = lg()": "lg() takes 1 or more arguments, and has 0",
    "x = rand(1)": "rand() takes no arguments, and has 1",
    'x = time("", "")': "time() takes 0 to 1 arguments, and has 2",
    "x = percentile(1)": "percentile() takes 2 arguments, and has 1",
    "x = val(1, 2, 3)": "val() takes 2 arguments, and has 3",
    "stop(1)": "stop() takes no arguments",
    "x = $ActiveTasks.Median()": "Line 1, Col 18: there is no method 'Median'; there are GetSample",
    "x = $ActiveTasks.GetSample()": "GetSample() takes 1 to 3 arguments, and has 0",
    "x = $ActiveTasks.getsampleperiod(1)": "GetSamplePeriod() takes no arguments, and has 1",
    "x = 1; y = x.GetSample(1)": "'x' is no sampled variable such as $ActiveTasks, so it has no methods",
    "x = $TargetDedicatedNodes.GetSample(1)": "'$TargetDedicatedNodes' is no sampled variable",
    "x = (1).GetSample(1)": "only a sampled variable such as $ActiveTasks has methods, so none 'GetSample'",
    "x = time().hour()": "only a sampled variable such as $ActiveTasks has methods, so none 'hour'",
    "x = time().week": "there is no field 'week'; a timestamp has year, month",
    "x = time().": "expected the name of a method or field after '.', found the end",
    "x = $ActiveTasks.$Count()": "expected the name of a method or field after '.', found '$Count'",
    "$ActiveTasks = 1": "Line 1, Col 1: '$ActiveTasks' is only read",
    "$CurrentDedicated = 1": "'$CurrentDedicated' is only read",
    "TimeInterval_Hour = 1": "'TimeInterval_Hour' is only read",
    ";".join(f"x{number} = 1" for number in range(101)): "a formula has at most 100 statements",
    "x = 1;" + " " * 8192: "the formula has 8,198 characters, and may have 8,192",
}


@pytest.mark.parametrize(("formula", "why"), UNREADABLE.items())
def test_it_is_not_read(formula: str, why: str) -> None:
    with pytest.raises(FormulaSyntaxError) as caught:
        Formula.parse(formula)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "place"),
    [
        ("a = 1;\r\nb = 2 +\r\n  vec(1, 2) > 1", Place(3, 13)),
        ("x = 1 + 2 + 3 / 0", Place(1, 15)),
        ('x = 1 + 2 - "a" + 3', Place(1, 11)),
        ("x = max(1, val(vec(1), 5))", Place(1, 12)),
        ("// first\n/* = 1", Place(2, 1)),
        ("$TargetDedicatedNodes =\n 'many'", Place(1, 1)),
        ("x = time(\n\t'?')", Place(1, 5)),
        ("x = $CPUPercent", Place(1, 5)),
    ],
)
def test_an_error_says_where(formula: str, place: Place) -> None:
    outcome = come_to(formula, Samples(PERIOD))
    assert outcome.error is not None
    assert outcome.error.place == place


def test_a_shortage_is_told_as_the_service_tells_it() -> None:
    formula = "a = 1;\nb = avg($RunningTasks.GetSample(TimeInterval_Minute * 10, 70))"
    error = come_to(formula).error
    assert isinstance(error, ShortageError)
    assert str(error) == (
        "Line 2, Col 23: Insufficient data from data set: $RunningTasks wanted 70%, received 50%"
    )


def test_a_variable_without_samples_is_a_shortage() -> None:
    error = come_to("x = $WallClockSeconds + 1").error
    assert isinstance(error, ShortageError)
    assert "$WallClockSeconds wanted 1 sample, received 0" in str(error)


def test_the_place_is_shown_below_its_line() -> None:
    assert underlined("a = 1;\n\tb = 2 ? 3;\nc = 4", Place(2, 8)) == "\tb = 2 ? 3;\n\t      ^"
    assert underlined("a =", Place(1, 4)) == "a =\n   ^"
    assert underlined("", Place(1, 1)) == "\n^"
