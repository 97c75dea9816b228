"""The secret with which sessions of the portal are signed: kept, so that they outlive a restart."""

from __future__ import annotations

import secrets
from pathlib import Path

from batchite.machine import private_file

FILE_NAME = "portal.key"
BYTES = 32


def load(data_dir: Path) -> bytes:
    """That of the directory; made when it is first asked for. Raises OSError."""
    place = data_dir / FILE_NAME
    try:
        found = place.read_bytes()
    except FileNotFoundError:
        found = b""
    return found if len(found) == BYTES else _make(place)


def _make(place: Path) -> bytes:
    """Complete or not at all: a short secret would be one to guess."""
    secret = secrets.token_bytes(BYTES)
    private_file.replace(place, secret)
    return secret
