"""What a command printed last, to tell failures apart."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.nodes.sandbox.tree import Tree, TreeError
from batchite.wire.batch import last_line as lines

FILES = ("stderr.txt", "stdout.txt")
"""in which errors are looked for, in this order"""


def last_line(files: Tree, directory: Sequence[str]) -> str:
    """The last line of a run in the directory of these names; empty if it printed nothing, or hid it."""
    for name in FILES:
        try:
            content, is_whole = files.end("/".join((*directory, name)), lines.MAX_BYTES)
        except TreeError:
            continue
        if line := lines.of(content, is_whole=is_whole):
            return line
    return ""
