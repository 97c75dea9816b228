"""Links into the portal that open it once: whoever can write to the data directory may make one.

A link has a token, and the directory a file of that name with the second until which it is good. Using the
token is removing that file, which only one can do, also across restarts.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

DIRECTORY = "portal"
PATH = "/-/portal/enter"
SECONDS = 600
"""for which a link is good"""
_BYTES = 32
_TOKEN = re.compile(r"[0-9a-f]{64}", re.ASCII)


def issue(data_dir: Path, now: float) -> str:
    """A new token; `now` is the machine's clock. Tokens that nobody used in time go. Raises OSError."""
    directory = data_dir / DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    _tidy(directory, now)
    token = os.urandom(_BYTES).hex()  # `secrets` loads 5 MB of ciphers into the supervisor
    descriptor = os.open(directory / token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(str(int(now) + SECONDS))
    return token


def redeem(data_dir: Path, token: str, now: float) -> bool:
    """Whether the token is good; it is not any more."""
    if _TOKEN.fullmatch(token) is None:
        return False
    place = data_dir / DIRECTORY / token
    until = _until(place)
    try:
        place.unlink()
    except OSError:  # it never was, or somebody else was faster
        return False
    return now < until


def _tidy(directory: Path, now: float) -> None:
    for place in directory.iterdir():
        if _TOKEN.fullmatch(place.name) and _until(place) <= now:
            with suppress(OSError):
                place.unlink()


def _until(place: Path) -> int:
    try:
        return int(place.read_text())
    except (OSError, ValueError):
        return 0
