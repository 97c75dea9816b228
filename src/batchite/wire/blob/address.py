"""What a URL names: an account, a container or a blob.

The account stands in the path (`/account/container/blob`) or before a known suffix of the host
(`account.blob.localhost`). Either way `-secondary` behind its name means its copy for reading.
A backslash is a slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec

from batchite.wire.blob.errors import BlobError
from batchite.wire.cloud import SECONDARY

Level = Literal["service", "container", "blob"]

ROOT_CONTAINER = "$root"
MAX_BLOB_NAME = 1024
MAX_BLOB_SEGMENTS = 254

_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9])*", re.ASCII)
_SPECIAL_CONTAINERS = frozenset({ROOT_CONTAINER, "$web", "$logs", "$blobchangefeed"})
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BACKSLASH = re.compile(r"\\|%5C", re.IGNORECASE)


class Address(msgspec.Struct, frozen=True):
    """The names in a URL; a level that is not addressed is the empty string.

    `secondary`: the account's copy for reading is meant. `by_host`: the host names the account.
    """

    account: str
    container: str = ""
    blob: str = ""
    secondary: bool = False
    by_host: bool = False

    @property
    def account_path(self) -> str:
        """What of the path belongs to the account."""
        return "" if self.by_host else f"/{self.account}{SECONDARY if self.secondary else ''}"

    @property
    def level(self) -> Level:
        if self.blob:
            return "blob"
        return "container" if self.container else "service"


def of_host(host: str, suffixes: Iterable[str]) -> str | None:
    """The account in `account.suffix` or `account.suffix:port`; None if the host has another form."""
    name = host.partition(":")[0].lower()
    for suffix in suffixes:
        if name.endswith(suffix) and name.endswith(f".{suffix}"):
            return name.removesuffix(f".{suffix}")
    return None


def parse(raw_path: str, *, container_meant: bool, host_account: str | None = None) -> Address:
    """Read the path as sent; it begins with the account unless the host has named that.

    One segment after the account names a container if `container_meant` (by `restype`), else a
    blob of the root container. Raises BlobError InvalidUri, InvalidResourceName or OutOfRangeInput.
    """
    path = with_slashes(raw_path).removeprefix("/")
    account, _, rest = path.partition("/") if host_account is None else (host_account, "", path)
    container, slash, blob = rest.partition("/")
    account, container, blob = decode(account), decode(container), decode(blob)
    if not account:
        raise BlobError("InvalidUri", details=(("Reason", "the path begins with the account's name"),))
    if container and not blob and not container_meant:
        container, blob = ROOT_CONTAINER, container + slash
    name = account.removesuffix(SECONDARY)
    return Address(name, container, blob, name != account, host_account is not None)


def with_slashes(raw_path: str) -> str:
    """The path with a slash for each backslash, escaped or not: in an address they are the same."""
    return _BACKSLASH.sub("/", raw_path) if "\\" in raw_path or "%5" in raw_path else raw_path


def decode(text: str) -> str:
    """Percent-decode once, strictly. Raises BlobError InvalidUri."""
    if "%" not in text and text.isascii():
        return text
    if _BAD_ESCAPE.search(text):
        raise BlobError("InvalidUri", details=(("Reason", "a % must be followed by two hex digits"),))
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError:
        raise BlobError("InvalidUri", details=(("Reason", "names in a path are UTF-8"),)) from None


def check_container(name: str) -> None:
    """Raise BlobError unless a container may be called this."""
    if name in _SPECIAL_CONTAINERS:
        return
    if not 3 <= len(name) <= 63:
        raise BlobError(
            "OutOfRangeInput", "The specified resource name length is not within the permissible limits.",
            details=(("Reason", "a container's name has 3 to 63 characters"),),
        )  # fmt: skip
    if not _CONTAINER.fullmatch(name):
        raise BlobError(
            "InvalidResourceName",
            details=(("Reason", "a container's name has lower-case letters, digits and single hyphens"),),
        )


def check_blob(name: str) -> None:
    """Raise BlobError unless a blob may be called this."""
    if "\0" in name:
        raise BlobError("InvalidUri", details=(("Reason", "a blob's name has no NUL character"),))
    if len(name) > MAX_BLOB_NAME:
        raise BlobError("InvalidUri", details=(("Reason", "a blob's name has at most 1,024 characters"),))
    if name.count("/") >= MAX_BLOB_SEGMENTS:
        raise BlobError("InvalidUri", details=(("Reason", "a blob's name has at most 254 segments"),))
