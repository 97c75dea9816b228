"""Pages of a list: how many items, and where the next page starts.

A skip token is opaque: a position in the list, bound by a digest to the list it came from. It has
letters, digits, `-` and `_` only, since clients run the link through a formatter that takes braces.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from batchite.wire.batch.errors import BatchError, invalid_query, out_of_range_query

MAX_RESULTS = "maxresults"
SKIP = "$skiptoken"
LIMIT = 1000

_DIGEST_SIZE = 8
_LONGEST_TOKEN = 4096


def parse_max_results(text: str | None, limit: int = LIMIT) -> int:
    """The page size, `limit` unless told; 1 to `limit`. Raises BatchError."""
    if text is None:
        return limit
    if not (text.isascii() and text.isdigit()):
        raise invalid_query(MAX_RESULTS, text, "must be a whole number")
    if len(text) > 9 or not 1 <= int(text) <= limit:
        raise out_of_range_query(MAX_RESULTS, text, f"must lie between 1 and {limit}")
    return int(text)


def make_token(context: str, position: str) -> str:
    """A token for the page that starts after `position`; `context` names list, account and filter."""
    content = position.encode()
    return base64.urlsafe_b64encode(_digest(context, content) + content).decode().rstrip("=")


def read_token(context: str, token: str) -> str:
    """The position in a token made with the same context. Raises BatchError for any other text."""
    try:
        raw = _decode(token)
        content = raw[_DIGEST_SIZE:]
        if not hmac.compare_digest(raw[:_DIGEST_SIZE], _digest(context, content)):
            raise _refuse(token)
        return content.decode()
    except (binascii.Error, ValueError):
        raise _refuse(token) from None


def _decode(token: str) -> bytes:
    if len(token) > _LONGEST_TOKEN:
        raise ValueError("too long")
    return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)


def _digest(context: str, content: bytes) -> bytes:
    person = hashlib.blake2b(context.encode(errors="surrogatepass"), digest_size=32).digest()
    return hashlib.blake2b(content, key=person, digest_size=_DIGEST_SIZE).digest()


def _refuse(token: str) -> BatchError:
    return invalid_query(SKIP, token, "is no token of this list; follow odata.nextLink as it is")
