"""A private file is replaced as a whole, and nobody else may read it."""

import stat
from pathlib import Path

import pytest

from batchite.machine import private_file


def test_it_is_for_its_owner_only_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "some.key"
    for content in (b"first", b"second"):
        private_file.replace(place, content)
        assert place.read_bytes() == content
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [place]


def test_what_a_crash_left_half_written_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "some.new").write_bytes(b"much longer than what comes")
    private_file.replace(tmp_path / "some.key", b"short")
    assert (tmp_path / "some.key").read_bytes() == b"short"


def test_what_cannot_be_written_leaves_the_old_content(tmp_path: Path) -> None:
    private_file.replace(tmp_path / "some.key", b"old")
    (tmp_path / "some.new").mkdir()
    with pytest.raises(OSError, match=r"some\.new"):
        private_file.replace(tmp_path / "some.key", b"new")
    assert (tmp_path / "some.key").read_bytes() == b"old"
