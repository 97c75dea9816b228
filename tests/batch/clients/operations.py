"""The operations that a client called, found in the requests that it sent."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from batchite.batch.app import OPERATIONS
from batchite.web.router import Router

ROUTER = Router((entry.verb, entry.path, entry.name) for entry in OPERATIONS)


def called(requests: Iterable[tuple[str, str]], version: str) -> set[str]:
    """Their names; fails unless every request, as (verb, URL), was one of the API version."""
    found = set()
    for verb, url in requests:
        assert parse_qs(urlsplit(url).query).get("api-version") == [version], url
        found.add(ROUTER.match(verb, urlsplit(url).path).target)
    return found


def there_are(version: str) -> set[str]:
    """The operations that the service has at an API version."""
    return {entry.name for entry in OPERATIONS if entry.since <= version <= (entry.until or version)}
