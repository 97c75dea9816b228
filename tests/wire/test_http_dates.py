import pytest

from batchite.wire import http_dates


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Sat, 31 Jan 2026 12:00:00 GMT", "2026-01-31T12:00:00Z"),
        ("31 Jan 2026 14:00:00 +0200", "2026-01-31T12:00:00Z"),
        ("Sat, 31 Jan 2026 12:00:00 -0000", "2026-01-31T12:00:00Z"),
    ],
)
def test_dates_are_times_of_utc(text: str, written: str) -> None:
    assert str(http_dates.read(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "", "Sat", "1 2 3 4 5", "2026-01-31T12:00:00Z", "Sat, 31 Feb 2026 12:00:00 GMT",
        "Sun, 06 Nov 99999999999999999999 08:49:37 GMT", f"Sun, 06 Nov {'9' * 5000} 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999999999999999999",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        http_dates.read(text)
