"""HMAC-SHA256 with keys that are used again and again."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache


@lru_cache(maxsize=256)
def _prepared(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod=hashlib.sha256)


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    """As `hmac.digest`, which gives up the interpreter to other threads even for a few bytes; getting it
    back takes many times longer than the computation."""
    mac = _prepared(key).copy()
    mac.update(text)
    return mac.digest()
