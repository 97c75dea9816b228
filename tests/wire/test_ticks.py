"""Times and durations as the services write them."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.wire.ticks import INFINITE, MAX_TICKS, Duration, Timestamp

LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 10_000_000
FIRST_SECOND = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * 10_000_000


@given(st.integers(FIRST_SECOND, LAST_SECOND))
def test_every_time_survives_the_wire(ticks: int) -> None:
    assert Timestamp.parse(str(Timestamp(ticks))) == Timestamp(ticks)


@given(st.integers(-MAX_TICKS, MAX_TICKS))
def test_a_time_beyond_all_years_is_written_as_the_first_or_the_last(ticks: int) -> None:
    written = str(Timestamp(ticks))
    assert Timestamp.parse(written).ticks == min(max(ticks, FIRST_SECOND), LAST_SECOND + 9_999_999)


@given(st.text(st.sampled_from("0123456789-+PTYMWDHS:.Zz \ud800é"), max_size=40))
def test_whatever_is_no_time_or_duration_is_a_value_error(text: str) -> None:
    for kind in (Timestamp, Duration):
        try:
            assert kind.parse(str(kind.parse(text)))
        except ValueError:
            continue


@pytest.mark.parametrize("text", ["P" + "9" * 5000 + "D", "9" * 100_000, "PT" + "1H" * 50_000, "-" * 100_000])
def test_what_is_long_is_a_value_error(text: str) -> None:
    for kind in (Timestamp, Duration):
        with pytest.raises(ValueError, match=r"ISO|longer|limit"):
            kind.parse(text)


@given(st.integers(-MAX_TICKS, MAX_TICKS))
def test_every_duration_survives_the_wire(ticks: int) -> None:
    assert Duration.parse(str(Duration(ticks))) == Duration(ticks)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_datetime_survives(moment: datetime) -> None:
    assert Timestamp.from_datetime(moment).to_datetime() == moment


@given(st.integers(-MAX_TICKS, MAX_TICKS), st.integers(-MAX_TICKS, MAX_TICKS))
def test_order_is_that_of_the_ticks(left: int, right: int) -> None:
    a, b = Duration(left), Duration(right)
    assert (a < b, a <= b, a > b, a >= b, a == b) == (
        left < right,
        left <= right,
        left > right,
        left >= right,
        left == right,
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00.1234567Z"),
        ("2026-01-31T12:00:00.1200000Z", "2026-01-31T12:00:00.12Z"),
        ("2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31t12:00z", "2026-01-31T12:00:00Z"),
    ],
)
def test_times_are_normalised(text: str, written: str) -> None:
    assert str(Timestamp.parse(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z", "now", "٢٠٢٦-01-31T12:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Timestamp.parse(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("PT01H00M00S", "PT1H"),
        ("PT06M00S", "PT6M"),
        ("P3Y6M4DT12H30M5S", "P1279DT12H30M5S"),
        ("PT168H", "P7D"),
        ("PT0S", "PT0S"),
        ("P10675199DT2H48M5.4775807S", "P10675199DT2H48M5.4775807S"),
    ],
)
def test_durations_are_normalised(text: str, written: str) -> None:
    assert str(Duration.parse(text)) == written


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "PT1H30", "P99999999999D", "PT5"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Duration.parse(text)


def test_infinite_is_the_longest_duration() -> None:
    assert str(INFINITE) == "P10675199DT2H48M5.4775807S"
    assert INFINITE.is_infinite
    assert not Duration(MAX_TICKS - 1).is_infinite
    assert Timestamp(10**17) + INFINITE == Timestamp(MAX_TICKS)


def test_values_cannot_be_changed_but_copied() -> None:
    moment = Timestamp(5)
    with pytest.raises(AttributeError):
        moment.ticks = 6
    assert copy.deepcopy(moment) == pickle.loads(pickle.dumps(moment)) == moment  # noqa: S301
    assert {moment, Timestamp(5)} == {moment}


def test_a_time_is_no_duration() -> None:
    assert Timestamp(5) != Duration(5)
    with pytest.raises(TypeError):
        assert Timestamp(5) < Duration(6)  # type: ignore[operator]


def test_times_and_durations_calculate() -> None:
    start = Timestamp.from_datetime(datetime(2026, 1, 31, tzinfo=UTC))
    later = start + Duration.of(days=1, minutes=2, seconds=3.5)
    assert later.to_datetime() == datetime(2026, 2, 1, 0, 2, 3, 500_000, tzinfo=UTC)
    assert (later - start).seconds == timedelta(days=1, minutes=2, seconds=3.5).total_seconds()
