"""The last line that a failing command printed: one line of plain text, whatever the command wrote.

An agent takes it from the end of the output, the service bounds it once more, since agents are believed
nothing. Line ends are those of terminals too: of a progress bar that is drawn anew after each carriage
return, only the last state is a line.
"""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 4096
"""How much of the end of the output is looked at."""
MAX_CHARACTERS = 200

_CUT = "…"
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Escape sequences: colours, moves of the cursor, titles of windows."""


def of(content: bytes, *, is_whole: bool) -> str:
    """The last line of output that ends in `content`; empty if nothing is to be seen there. Unless
    `is_whole`, the first line of it may lack its beginning."""
    lines = re.split(r"[\r\n]+", content.decode("utf-8", "replace"))
    for number, line in reversed(list(enumerate(lines))):
        if text := plain(line):
            return text if number or is_whole else _shortened(_CUT + text)
    return ""


def plain(text: str) -> str:
    """In one line without anything that controls a terminal or turns the direction of writing, at most
    `MAX_CHARACTERS` long."""
    visible = "".join(map(_visible, _TERMINAL.sub("", text[:MAX_BYTES])))
    return _shortened(" ".join(visible.split()))


def _visible(character: str) -> str:
    return " " if unicodedata.category(character)[0] == "C" else character


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + _CUT
