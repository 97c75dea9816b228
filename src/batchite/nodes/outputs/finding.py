"""Which files of a node a pattern means.

Every directory is looked at once, whatever the pattern is, and nothing is kept of what was found, so a
million files take no more memory than one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Set
from typing import Final, NamedTuple

from batchite.nodes.outputs.pattern import Pattern
from batchite.nodes.sandbox.tree import Tree, TreeError

MAX_WAITING: Final = 100_000
"""Directories that are known and not looked at yet."""


class TooManyError(Exception):
    """More directories than can be kept in mind."""


class Found(NamedTuple):
    path: str
    """from the node's root"""
    name: str
    """from the directory in which was looked"""


class _Place(NamedTuple):
    below: str
    """path from the base, empty or with a slash at its end"""
    positions: Set[int]
    """of the parts by which names in this directory are judged"""


def found(tree: Tree, pattern: Pattern, closed: Callable[[str], None]) -> Generator[Found, None, None]:
    """In no order. `closed` is told the path of a directory that could not be looked at. Raises TreeError if
    that is the first one, unless it does not exist, and TooManyError.

    The way to the first may lead over links; no other directory is entered by one.
    """
    start = "".join(f"{name}/" for name in pattern.base)
    waiting = [_Place("", _reached(pattern, {0}))]
    while waiting:
        if len(waiting) > MAX_WAITING:
            raise TooManyError
        below, positions = waiting.pop()
        try:
            for name, is_directory in _entries(tree, pattern, start, below, positions):
                after = {place for place in positions if pattern.parts[place].means(name)}
                if is_directory:
                    deeper = {place if pattern.parts[place].is_deep else place + 1 for place in after}
                    deeper.discard(len(pattern.parts))
                    if deeper:
                        waiting.append(_Place(f"{below}{name}/", _reached(pattern, deeper)))
                elif len(pattern.parts) - 1 in after:
                    yield Found(f"{start}{below}{name}", below + name)
        except TreeError as error:
            if below:
                closed(start + below)
            elif error.reason != "not-found":
                raise


def _entries(
    tree: Tree, pattern: Pattern, start: str, below: str, positions: Set[int]
) -> Iterator[tuple[str, bool]]:
    """What a directory has and could be meant; what can have one name only is not looked for among others."""
    directory, names = start + below, {pattern.parts[place].literal for place in positions}
    if None in names:
        yield from tree.entries(directory.rstrip("/"), by_link=not below)
        return
    for name in filter(None, names):
        try:
            yield name, tree.status(directory + name).is_directory
        except TreeError as error:
            if error.reason != "not-found":
                yield name, False  # whoever opens it is told what it is


def _reached(pattern: Pattern, positions: Set[int]) -> Set[int]:
    """With those that a part for any directories may pass on to: it may stand for none."""
    deep = {place + 1 for place in positions if pattern.parts[place].is_deep}
    return {*positions, *deep}
