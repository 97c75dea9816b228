"""What a client sets on containers and blobs by headers: metadata and HTTP properties."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

import msgspec

from batchite.wire.blob.errors import BlobError, invalid_header

METADATA_PREFIX = "x-ms-meta-"
MAX_METADATA_BYTES = 8 * 1024
MAX_REQUEST_ID = 1024
DEFAULT_CONTENT_TYPE = "application/octet-stream"

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

OLDEST_VERSION = "2015-02-21"
NEWEST_VERSION = "2026-10-06"
"""Also spoken when a request names no version, or one not known yet."""


class HttpProperties(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a blob tells about its content when it is read; `content_md5` is base64, of whatever length the
    client chose."""

    content_type: str = DEFAULT_CONTENT_TYPE
    content_encoding: str = ""
    content_language: str = ""
    content_disposition: str = ""
    cache_control: str = ""
    content_md5: str = ""


_USUAL = HttpProperties()

SHOWN_AS: tuple[tuple[str, str], ...] = (
    ("content_type", "Content-Type"),
    ("content_encoding", "Content-Encoding"),
    ("content_language", "Content-Language"),
    ("content_disposition", "Content-Disposition"),
    ("cache_control", "Cache-Control"),
)
"""Fields of HttpProperties and the headers (and list elements) that show them."""

_GIVEN_AS = tuple((field, f"x-ms-blob-{name.lower()}", name.lower()) for field, name in SHOWN_AS)

TYPES: Mapping[str, str] = {"block": "BlockBlob", "append": "AppendBlob", "page": "PageBlob"}
"""The types of blobs as stored, and as `x-ms-blob-type` and lists show them."""

SAS_OVERRIDES: Mapping[str, str] = {
    "rsct": "content_type",
    "rsce": "content_encoding",
    "rscl": "content_language",
    "rscd": "content_disposition",
    "rscc": "cache_control",
}
"""Query parameters of a SAS that replace a property in the answer."""


def metadata(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The metadata among headers, whose names end as they are to be shown.

    Raises BlobError EmptyMetadataKey, InvalidMetadata or MetadataTooLarge.
    """
    found: dict[str, str] = {}
    for header, value in headers:
        if header.startswith(METADATA_PREFIX):
            name = header[len(METADATA_PREFIX) :]
            _check_metadata(name, value)
            found[name] = f"{found[name]},{value}" if name in found else value
    if found and sum(len(name) + len(value) for name, value in found.items()) > MAX_METADATA_BYTES:
        raise BlobError("MetadataTooLarge")
    return found


def _check_metadata(name: str, value: str) -> None:
    if not name:
        raise BlobError("EmptyMetadataKey")
    if not _IDENTIFIER.fullmatch(name):
        reason = "a metadata name has letters, digits and _, and does not begin with a digit"
        raise BlobError(
            "InvalidMetadata", details=(("HeaderName", METADATA_PREFIX + name), ("Reason", reason))
        )
    check_value(METADATA_PREFIX + name, value)


def check_value(name: str, value: str) -> str:
    """Raises BlobError for control characters, which would end a header or break a listing."""
    if _CONTROL.search(value):
        raise invalid_header(name, value, "a header's value has no control characters")
    return value


def known_name(name: str) -> str:
    """In lower case, but for the name of metadata."""
    lower = name.lower()
    return METADATA_PREFIX + name[len(METADATA_PREFIX) :] if lower.startswith(METADATA_PREFIX) else lower


def printable(text: str) -> str:
    """The text as a header can carry it."""
    return _CONTROL.sub(" ", text).encode("latin-1", "replace").decode("latin-1")


NOT_DESCRIBED = HttpProperties(content_type="")
"""Not even by the usual type, which only what is created gets."""


def blob_properties(
    headers: Mapping[str, str], *, plain: bool = False, start: HttpProperties = _USUAL
) -> HttpProperties:
    """The properties which the `x-ms-blob-*` headers give, in the place of those of `start`.

    `plain`: the ordinary headers (`Content-Type`, ...) describe the content too, as for Put Blob, and
    count where the `x-ms-blob-*` form is absent.
    """
    given = {}
    for field, own, ordinary in _GIVEN_AS:
        name = ordinary if plain and own not in headers else own
        if name in headers:
            given[field] = check_value(name, headers[name])
    given["content_md5"] = _read_md5("x-ms-blob-content-md5", headers.get("x-ms-blob-content-md5", ""))
    if not given.get("content_type"):
        given.pop("content_type", None)
    return msgspec.structs.replace(start, **given)


def _read_md5(name: str, value: str) -> str:
    """One that is only stored, and compared with nothing. Raises BlobError InvalidMd5 unless it is base64."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BlobError("InvalidMd5", details=(("HeaderName", name), ("HeaderValue", value))) from None
    return value


def check_version(asked: str | None, of_token: str | None = None) -> str:
    """The version to answer with: the one asked for, else that of a SAS, which may be older.

    It may be newer than any we know. Raises BlobError InvalidHeaderValue unless it is a date, and one from
    which on requests were as they are served here.
    """
    version = asked or of_token
    if not version:
        return NEWEST_VERSION
    if asked and asked < OLDEST_VERSION:
        raise _no_version(asked)
    return _dated(version)


@lru_cache(maxsize=64)
def _dated(version: str) -> str:
    try:
        if _VERSION.fullmatch(version):
            date.fromisoformat(version)
            return version
    except ValueError:
        pass
    raise _no_version(version)


def _no_version(text: str) -> BlobError:
    rule = f"a version is a date such as {NEWEST_VERSION}, and not before {OLDEST_VERSION}"
    return invalid_header("x-ms-version", text, rule)


def md5_of(data: bytes) -> bytes:
    """A checksum that the protocol asks for; nothing secret depends on it."""
    return hashlib.md5(data, usedforsecurity=False).digest()
