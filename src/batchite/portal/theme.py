"""Dark or light, if somebody has chosen: the script keeps that in a cookie."""

from __future__ import annotations

from batchite.portal import sessions
from batchite.web.request import Incoming


def chosen(request: Incoming) -> str:
    """As chosen by the page's own button; empty: as the system has it."""
    kept = sessions.cookie(request.headers.get("cookie", ""), "batchite-theme")
    return kept if kept in ("light", "dark") else ""
