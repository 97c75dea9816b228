"""The blobs of our own Blob service, whatever they are called.

A program that was written for the cloud names a resource file by the cloud's address of its storage account.
If that account is one of ours, so is the blob. The request goes to our service, under the name that it was
asked for: signatures and the addresses in answers are over that.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from batchite.wire import cloud


class OwnBlobs:
    """Knows what the service has said last."""

    def __init__(self) -> None:
        self._url = ""
        self._accounts: frozenset[str] = frozenset()

    def learn(self, url: str, accounts: Iterable[str]) -> None:
        """The Blob service is at `url`, and has these storage accounts."""
        self._url, self._accounts = url, frozenset(accounts)

    def way(self, url: str) -> tuple[str, dict[str, str]]:
        """Where to ask for what is at `url`, and headers to ask with. Raises ValueError if it is no URL."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or cloud.blob_account(host) not in self._accounts:
            return url, {}
        query = f"?{parts.query}" if parts.query else ""
        return f"{self._url}{parts.path or '/'}{query}", {"Host": host}
