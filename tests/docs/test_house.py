"""What ARCHITECTURE says of rooms, folders and modules is so."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "src" / "batchite"
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__"}

ROOM = re.compile(r"^  (\w+)/ ", re.MULTILINE)
FOLDER = re.compile(r"\b([a-z_]+)/")
NAME = re.compile(r"`([a-z_]+(?:\.\w+)+)`")
PLACE = re.compile(r"`([a-z_]+(?:/[\w.]+)*/[\w.]+)`")
OF_RESOURCES = {"batch", "portal"}
"""They have a folder for each resource, of which the map tells together."""


def _map() -> dict[str, str]:
    """What the map says of each room."""
    _, drawn, _ = TEXT.split("```", 2)
    _, *told = ROOM.split(drawn)
    return dict(zip(told[::2], told[1::2], strict=True))


def _folders(room: str) -> set[str]:
    """Those with code, at any depth."""
    return {path.parent.name for path in (HOUSE / room).rglob("*/__init__.py")}


def _begin() -> str:
    """The table of what to touch for what is added."""
    return TEXT.partition("## Where to begin")[2].partition("\n## ")[0]


def _is_there(name: str) -> bool:
    """A dotted name leads to a folder, a module, or a word of one."""
    place = HOUSE
    for part in name.split("."):
        if (place / part).is_dir():
            place = place / part
        elif (place / f"{part}.py").is_file():
            place = place / f"{part}.py"
        else:
            return (
                place.is_file() and re.search(rf"\b{part}\b", place.read_text(encoding="utf-8")) is not None
            )
    return True


def test_the_map_has_every_room_and_no_other() -> None:
    assert set(_map()) == ROOMS


def test_the_map_has_every_folder_of_a_room_and_no_other() -> None:
    drawn = {(room, folder) for room, told in _map().items() for folder in FOLDER.findall(told)}
    assert {(room, folder) for room, folder in drawn if not any((HOUSE / room).rglob(f"{folder}/"))} == set()
    there = {(room, folder) for room in ROOMS - OF_RESOURCES for folder in _folders(room)}
    assert there - drawn == set()


def test_the_arrows_are_those_that_are_held() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = (
        f"{{{', '.join(layer.split(' | '))}}}" if "|" in layer else layer for layer in contracts[0]["layers"]
    )
    assert f"`{' → '.join(layers)}`" in TEXT


def test_names_lead_somewhere() -> None:
    names = [name for name in NAME.findall(TEXT) if name.split(".")[0] in ROOMS]
    assert len(names) > 100
    assert [name for name in names if not _is_there(name)] == []


def test_what_is_to_be_touched_is_there() -> None:
    places = PLACE.findall(_begin())
    assert len(places) > 30
    assert [place for place in places if not (HOUSE / place).exists() and not (ROOT / place).exists()] == []
