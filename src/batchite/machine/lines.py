"""Texts of strangers in files of lines: logs and journals."""

from __future__ import annotations

import logging


def in_a_line(text: str) -> str:
    """Whatever a name has in it, it begins no line of its own and controls no terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


class Lines(logging.Formatter):
    """What is said is a line; only a traceback takes more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        return in_a_line(super().formatMessage(record))


def begin(level: str, who: str) -> None:
    """Log to standard error; every line tells which process it is of."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(f"%(asctime)s {who} %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
