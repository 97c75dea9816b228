"""Names in URLs, and the names that browsers save things under."""

import pytest

from batchite.portal.blob_client import addresses


@pytest.mark.parametrize(
    ("blob", "path"),
    [
        ("a/b.txt", "/things/a/b.txt"),
        ("a b?#%", "/things/a%20b%3F%23%25"),
        ("a/../b", "/things/a%2F..%2Fb"),
        ("a/.hidden/..b", "/things/a/.hidden/..b"),
        ("", "/things"),
        ("ü\n", "/things/%C3%BC%0A"),
    ],
)
def test_paths(blob: str, path: str) -> None:
    assert addresses.path("things", blob) == path


def test_browsers_cannot_be_told_of_the_way_up() -> None:
    assert [addresses.is_for_browsers(name) for name in ("..", ".", "a/..", "...")] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("blob", "header"),
    [
        ("dir/report.pdf", "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf"),
        ('a"b\\c%.txt', "attachment; filename=\"a_b_c_.txt\"; filename*=UTF-8''a%22b%5Cc%25.txt"),
        ("ü/ö\r\nX: y", "attachment; filename=\"___X: y\"; filename*=UTF-8''%C3%B6%0D%0AX%3A%20y"),
        ("folder/", "attachment; filename=\"folder\"; filename*=UTF-8''folder"),
        ("///", "attachment; filename=\"blob\"; filename*=UTF-8''blob"),
    ],
)
def test_what_it_is_saved_as(blob: str, header: str) -> None:
    assert addresses.attachment(blob) == header
