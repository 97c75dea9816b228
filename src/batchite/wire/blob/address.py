"""What a path-style URL names: `/account`, `/account/container` or `/account/container/blob`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

from batchite.wire.blob.errors import BlobError

Level = Literal["service", "container", "blob"]

ROOT_CONTAINER = "$root"
MAX_BLOB_NAME = 1024
MAX_BLOB_SEGMENTS = 254

_CONTAINER = re.compile(r"[a-z0-9](?:-?[a-z0-9])*", re.ASCII)
_SPECIAL_CONTAINERS = frozenset({ROOT_CONTAINER, "$web", "$logs", "$blobchangefeed"})
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Address:
    """The names in a URL; a level that is not addressed is the empty string."""

    account: str
    container: str = ""
    blob: str = ""

    @property
    def level(self) -> Level:
        if self.blob:
            return "blob"
        return "container" if self.container else "service"


def parse(raw_path: str, *, container_meant: bool) -> Address:
    """Read the path as sent.

    One segment after the account names a container if `container_meant` (`restype=container`), else a
    blob of the root container. Raises BlobError InvalidUri, InvalidResourceName or OutOfRangeInput.
    """
    account, _, rest = raw_path.removeprefix("/").partition("/")
    container, slash, blob = rest.partition("/")
    account, container, blob = decode(account), decode(container), decode(blob)
    if not account:
        raise BlobError("InvalidUri", details=(("Reason", "the path begins with the account's name"),))
    if container and not blob and not container_meant:
        container, blob = ROOT_CONTAINER, container + slash
    return Address(account, container, blob)


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
