"""Who did what by the portal, and how it went: a line in the service's log for everything that is changed."""

from __future__ import annotations

import logging

from batchite.portal.naming import visible

log = logging.getLogger("batchite.portal.audit")
log.setLevel(logging.INFO)  # whatever the level of the rest


def note(who: str, what: str, result: str) -> None:
    """`what` and `result` may have been written by strangers: they stay on their line."""
    log.info("%s: %s: %s", who, _line(what), _line(result))


def _line(text: str) -> str:
    return visible(text).replace("\n", " ").replace("\t", " ")
