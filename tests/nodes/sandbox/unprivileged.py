"""`python unprivileged.py PLACE… -- COMMAND…`: root becomes a user without rights, and then the command.

The user sees the places, wherever they lie, and whatever else everybody may see: Python and these sources may
be in a directory of root's, such as his home. So he gets mounts of his own, in which the directories on the
way to the places are open to all, and empty but for what leads there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from batchite.nodes.sandbox import kernel

USER = 64242
"""nobody's number, neither on the machine nor of a node"""
SECONDS = 1200.0
"""What the user runs has deadlines of its own, one after the other; this is for what hangs none the less."""


def words(places: Iterable[Path], command: Sequence[str]) -> list[str]:
    """How root has that user run a command which uses this Python."""
    seen = dict.fromkeys((*pythons(), *map(str, places)))
    return [sys.executable, __file__, *seen, "--", *command]


def pythons() -> tuple[str, str]:
    """Where this Python is."""
    return sys.prefix, sys.base_prefix


def main() -> None:
    end = sys.argv.index("--")
    become(sys.argv[1:end])
    os.execv(sys.argv[end + 1], sys.argv[end + 1 :])  # noqa: S606


def become(places: Sequence[str]) -> None:
    os.umask(0o022)
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.make_private()
    trees = {place: kernel.open_tree(place, recursive=True) for place in map(os.path.abspath, places)}
    for closed in sorted(set(_closed(trees))):
        kernel.mount("tmpfs", closed, "tmpfs", 0, "mode=755")
    for place, tree in sorted(trees.items()):
        if not os.path.exists(place):
            os.makedirs(place)
        kernel.move_mount(tree, place)
        os.close(tree)
    os.setgroups(())
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)


def _closed(places: dict[str, int]) -> Iterator[str]:
    """The uppermost directory on the way to each that not everybody may enter, if there is one."""
    for place in places:
        for directory in reversed(Path(place).parents):
            if not directory.stat().st_mode & 0o001:
                yield str(directory)
                break


if __name__ == "__main__":
    main()
