"""Short names for long paths: given, kept, taken back, and never through a hand of somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.nodes.sandbox.hosted import hosted

from batchite.nodes.sandbox import short_name


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "short" / "name")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "long" / "place"
    place.mkdir(parents=True)
    return place


def test_a_name_is_given_again_and_taken_back(name: str, place: Path) -> None:
    for _ in range(2):
        short_name.give(name, str(place))
        assert short_name.is_given(name, str(place))
    base = Path(name).parent
    assert base.stat().st_mode & 0o777 == 0o700
    short_name.take(name, str(place.parent))
    assert short_name.is_given(name, str(place))
    short_name.take(name, str(place))
    assert not base.exists()


def test_names_of_what_is_gone_are_swept(name: str, place: Path) -> None:
    base = Path(name).parent
    base.mkdir(mode=0o700)
    (base / "gone").symlink_to(place / "gone")
    (base / "other").symlink_to(place.parent)
    Path(name).symlink_to(place / "gone too")
    short_name.give(name, str(place))
    assert {path.name for path in base.iterdir()} == {"name", "other"}
    assert os.readlink(name) == str(place)
    short_name.take(name, str(place))
    assert {path.name for path in base.iterdir()} == {"other"}


def test_a_name_that_stands_for_something_else_is_left_alone(name: str, place: Path) -> None:
    short_name.give(name, str(place))
    with pytest.raises(FileExistsError):
        short_name.give(name, str(place.parent))
    assert os.readlink(name) == str(place)


def test_a_directory_that_others_can_change_is_not_used(name: str, place: Path) -> None:
    base = Path(name).parent
    base.mkdir(mode=0o700)
    base.chmod(0o770)
    with pytest.raises(PermissionError):
        short_name.give(name, str(place))
    base.rmdir()
    base.symlink_to(place)
    with pytest.raises(NotADirectoryError):
        short_name.give(name, str(place))
    assert list(place.iterdir()) == []


@pytest.mark.system
def test_a_directory_of_somebody_else_is_not_used(name: str, place: Path) -> None:
    base = Path(name).parent
    base.mkdir(mode=0o700)
    os.chown(base, 12345, 12345)
    with pytest.raises(PermissionError):
        short_name.give(name, str(place))


def test_without_a_short_name_tasks_are_told_the_long_one(tmp_path: Path, name: str) -> None:
    Path(name).parent.mkdir(mode=0o755)
    with hosted("process", tmp_path / "node", name) as sandbox:
        assert sandbox.root == str(tmp_path / "node" / "root")


def test_a_name_that_is_tidied_away_is_given_again(tmp_path: Path, name: str) -> None:
    with hosted("process", tmp_path / "node", name) as sandbox:
        assert sandbox.root == name
        os.unlink(name)
        os.rmdir(os.path.dirname(name))
        assert sandbox.keep()
        assert os.path.realpath(name) == str(sandbox.place)
    assert not os.path.lexists(name)
