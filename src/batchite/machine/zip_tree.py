"""What an archive would make on a disk: directories, files and symbolic links, and where the links lead.

A link is followed as the system would follow it in a tree that has nothing but what the archive has: from the
directory it lies in, part by part, through directories and other links. If that never goes above the top and
ends at something that is there, no link leads out of the tree wherever it is unpacked, however it is come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

MOST_FOLLOWED: Final = 40
"""Links that the system follows on the way to a file."""
_SHOWN: Final = 200
"""Characters of a name."""
_INSTEAD: Final = "Zip what it stands for, which zip does without the option -y"


class TreeError(Exception):
    """Why the tree cannot have what is called so, and what to do instead, as parts of a sentence."""

    def __init__(self, name: str, why: str, instead: str) -> None:
        super().__init__(why)
        self.name = name
        self.why = why
        self.instead = instead


class FullError(Exception):
    """It has more in it than it may."""


@dataclass(eq=False, slots=True)
class _Directory:
    above: _Directory | None
    is_entry: bool = False
    """of the archive, and not just on the way to one"""
    entries: dict[str, _Node] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _File:
    pass


@dataclass(eq=False, slots=True)
class _Link:
    name: str
    directory: _Directory
    target: str
    is_open: bool = False
    """it is being followed"""
    found: tuple[_Directory | _File, int] | None = None
    """what it leads to, and by how many links"""


_Node: TypeAlias = _Directory | _File | _Link


class Tree:
    """With at most so many files, links and directories. Methods raise TreeError and FullError."""

    def __init__(self, most: int) -> None:
        self._top = _Directory(None)
        self._left = most
        self._links: list[_Link] = []

    def add_directory(self, name: str, parts: Sequence[str]) -> None:
        directory = self._enter(name, parts)
        if directory.is_entry:
            raise TreeError(name, "it is there twice", "Make the archive anew")
        directory.is_entry = True

    def add_file(self, name: str, parts: Sequence[str]) -> None:
        self._put(name, parts[-1], self._enter(name, parts[:-1]), _File())

    def add_link(self, name: str, parts: Sequence[str], target: str) -> None:
        directory = self._enter(name, parts[:-1])
        link = _Link(name, directory, target)
        self._put(name, parts[-1], directory, link)
        self._links.append(link)

    def follow_links(self) -> None:
        """Once all is there: raises TreeError for a link that does not lead to something in the tree."""
        for link in self._links:
            _follow(link, 1)

    def _enter(self, name: str, parts: Sequence[str]) -> _Directory:
        here = self._top
        for part in parts:
            there = here.entries.get(part)
            if there is None:
                there = here.entries[part] = _Directory(here)
                self._count()
            if isinstance(there, _Link):
                raise TreeError(name, f"{there.name!a} above it is a symbolic link", "Make the archive anew")
            if isinstance(there, _File):
                raise TreeError(name, "what is above it is a file and a directory", "Make the archive anew")
            here = there
        return here

    def _put(self, name: str, part: str, directory: _Directory, new: _Node) -> None:
        there = directory.entries.setdefault(part, new)
        if isinstance(there, _Directory) and not there.is_entry:
            raise TreeError(name, "it is a file and a directory", "Make the archive anew")
        if there is not new:
            raise TreeError(name, "it is there twice", "Make the archive anew")
        self._count()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise FullError


def _follow(link: _Link, depth: int) -> tuple[_Directory | _File, int]:
    """What it leads to, and how many links the system follows on the way, itself included."""
    if link.found is None:
        if link.is_open:
            raise _astray(link, "leads back to itself")
        if depth > MOST_FOLLOWED:
            raise _astray(link, f"leads through more than {MOST_FOLLOWED} others")
        link.is_open = True
        link.found = _walk(link, depth)
        link.is_open = False
    return link.found


def _walk(link: _Link, depth: int) -> tuple[_Directory | _File, int]:
    here: _Directory | _File = link.directory
    followed = 1
    for part in link.target.split("/"):
        if isinstance(here, _File):
            raise _astray(link, "leads through a file as if that were a directory")
        if part == "..":
            if here.above is None:
                raise _astray(link, "leads out of the archive")
            here = here.above
        elif part not in ("", "."):
            there = here.entries.get(part)
            if there is None:
                raise _astray(link, "leads to nothing that is in the archive")
            if isinstance(there, _Link):
                here, more = _follow(there, depth + 1)
                followed += more
            else:
                here = there
    if followed > MOST_FOLLOWED:
        raise _astray(link, f"leads through more than {MOST_FOLLOWED} others")
    return here, followed


def _astray(link: _Link, why: str) -> TreeError:
    return TreeError(link.name, f"it is a symbolic link to {shown(link.target)}, which {why}", _INSTEAD)


def shown(name: str) -> str:
    """Of something in an archive, as sentences have it."""
    return ascii(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!a}…"
