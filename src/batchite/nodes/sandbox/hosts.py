"""The part of a node's hosts file that is ours: between two lines that say so. The rest is the node's.

It is written within the node by its root, so whatever the node has made of the file, it harms nobody else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from batchite.nodes.sandbox import owned

PATH = "/etc/hosts"
BEGINNING = "# What the cloud calls accounts of this service, kept as they are now:"
END = "# (the end of these names)"
_MOST = 1 << 20
"""bytes of a file that is looked at"""


def keep(lines: Sequence[str], path: str = PATH) -> None:
    """Have these lines in the file, and none that were kept before. A file that resists stays as it is."""
    with contextlib.suppress(OSError):
        text, mode = _read(path)
        kept = with_lines(text, lines)
        if kept != text:
            owned.replace(path, kept, mode)


def with_lines(text: str, lines: Sequence[str]) -> str:
    """The text of a hosts file with just these lines of ours, where ours have been, or at the end."""
    before, begun, rest = text.partition(f"{BEGINNING}\n")
    _, ended, after = rest.partition(f"{END}\n")
    if begun and not ended:  # somebody has taken the end away; the rest may be anybody's
        after = rest
    if not begun and before and not before.endswith("\n"):
        before += "\n"
    ours = "".join(f"{line}\n" for line in (BEGINNING, *lines, END)) if lines else ""
    return before + ours + after


def _read(path: str) -> tuple[str, int]:
    """Nothing of a file that is not there. Raises OSError."""
    try:
        return owned.read(path, _MOST)
    except FileNotFoundError:
        return "", 0o644
