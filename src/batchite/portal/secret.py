"""The secret with which sessions are signed, kept in the data directory so that they outlive a restart."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

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
    draft = place.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(place)
    return secret
