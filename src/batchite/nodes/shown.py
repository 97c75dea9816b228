"""Addresses as they may be said."""

from __future__ import annotations

from urllib.parse import urlsplit


def shown(url: str) -> str:
    """The address without its query and user, which are secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an address that cannot be read)"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
