"""Files of several names: whether all of them lie below one directory.

Whoever may link a file of somebody else's into a directory makes it look like one of its own. So the
names that can be found below the directory are counted. Files of one name, nearly all, cost nothing.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections import Counter
from collections.abc import Callable, Mapping, Set
from typing import TypeAlias

from batchite.nodes.sandbox.inside import opened

Identity: TypeAlias = tuple[int, int]
"""Device and number of a file, whatever its names are."""

MAX_LOOKED_AT = 500_000
"""Directories, and entries of one; what lies beyond is taken to be outside."""

Enter = Callable[[str], int]
"""Opens a directory by its path from the top, without following a link at its end; raises OSError."""


def identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def names(status: os.stat_result) -> int:
    """How many names a file has; a directory has one."""
    return status.st_nlink if stat.S_ISREG(status.st_mode) else 1


def outside(files: Mapping[Identity, int], enter: Enter) -> Set[Identity]:
    """Those of the files, given with the number of their names, that have some elsewhere."""
    below = _count(files.keys(), enter) if files else Counter()
    return {file for file, number in files.items() if number > below[file]}


def _count(wanted: Set[Identity], enter: Enter) -> Counter[Identity]:
    found: Counter[Identity] = Counter()
    entered: set[Identity] = set()
    waiting = [""]
    while waiting and len(entered) < MAX_LOOKED_AT:
        below = waiting.pop()
        try:
            with opened(enter(below.rstrip("/"))) as directory:
                which = identity(os.fstat(directory))
                if which not in entered:  # else it was moved meanwhile
                    entered.add(which)
                    waiting += [f"{below}{name}/" for name in _look(directory, wanted, found)]
        except OSError:  # it vanished, is closed to us, or its path is too long
            continue
    return found


def _look(directory: int, wanted: Set[Identity], found: Counter[Identity]) -> list[str]:
    """Count the wanted files that are in this directory; returns the names of further ones."""
    directories = []
    with os.scandir(directory) as entries:
        for entry in itertools.islice(entries, MAX_LOOKED_AT):
            if entry.is_dir(follow_symlinks=False):
                directories.append(entry.name)
            elif (file := identity(entry.stat(follow_symlinks=False))) in wanted:
                found[file] += 1
    return directories
