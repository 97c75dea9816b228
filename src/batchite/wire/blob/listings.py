"""The XML of List Containers and List Blobs, and the markers that continue a list."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from urllib.parse import quote

from batchite.wire.blob import dates, encryption, tags
from batchite.wire.blob.errors import BlobError, invalid_parameter, is_xml, xml_text
from batchite.wire.blob.headers import SHOWN_AS, HttpProperties

Elements = Sequence[tuple[str, str]]
"""Names and texts"""

MAX_RESULTS = 5000
AVAILABLE: Elements = (("LeaseStatus", "unlocked"), ("LeaseState", "available"))
"""Of what has no lease."""

_OF_ALL_CONTAINERS: Elements = (
    ("DefaultEncryptionScope", encryption.NO_SCOPE),
    ("DenyEncryptionScopeOverride", "false"),
    ("HasImmutabilityPolicy", "false"),
    ("HasLegalHold", "false"),
    ("ImmutableStorageWithVersioningEnabled", "false"),
)
_MARKER_PREFIX = b"1\n"
MAX_MOMENT = 2**63 - 1
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class ContainerEntry:
    name: str
    modified: int
    metadata: Mapping[str, str] | None = None
    """None: not asked for"""
    lease: Elements = AVAILABLE
    access: str | None = None
    deleted: int | None = None
    remaining_days: int = 0


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """`special` are further elements of the properties, ready for the document: lease, deletion, what
    only some blobs have. `beside` are elements before the properties, which tell a blob from its base."""

    name: str
    created: int
    modified: int
    size: int
    properties: HttpProperties
    metadata: Mapping[str, str] | None = None
    """None: not asked for"""
    type: str = "BlockBlob"
    beside: Elements = ()
    special: Elements = AVAILABLE
    tags: Mapping[str, str] | None = None
    """None: not asked for"""


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    """Stands for all blobs whose names begin with it."""

    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client gave, shown again in the answer; None is left out."""

    service_endpoint: str
    prefix: str | None
    marker: str | None
    max_results: int | None
    delimiter: str | None = None


def marker(first: str, moment: int = 0) -> str:
    """The opaque text that continues a list at the first name not before `first`; of that name, with
    what is at this moment or later."""
    beside = f"\0{moment}" if moment else ""
    return base64.urlsafe_b64encode(_MARKER_PREFIX + f"{first}{beside}".encode()).decode()


def read_moment_marker(text: str | None) -> tuple[str, int]:
    """The first name that may come and the first moment of it. Raises BlobError for a marker not ours."""
    name, _, moment = read_marker(text).partition("\0")
    return name, _marked_number(moment, text)


def read_offset_marker(text: str | None) -> int:
    """The number that `marker` was given, 0 for the beginning. Raises BlobError for a marker not ours."""
    return _marked_number(read_marker(text), text)


def _marked_number(digits: str, text: str | None) -> int:
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise _bad_marker(text)
    return min(int(digits or 0), MAX_MOMENT)


def read_marker(text: str | None) -> str:
    """What `marker` was given, "" for the beginning. Raises BlobError for a marker not ours."""
    if not text:
        return ""
    try:
        decoded = base64.b64decode(text, altchars=b"-_", validate=True)
        if decoded.startswith(_MARKER_PREFIX):
            return decoded.removeprefix(_MARKER_PREFIX).decode()
    except (binascii.Error, ValueError):
        pass
    raise _bad_marker(text)


def _bad_marker(text: str | None) -> BlobError:
    reason = "a marker is the NextMarker of an earlier page, unchanged"
    return invalid_parameter("marker", text or "", reason)


def following(name: str) -> str:
    """The first text after `name`; PostgreSQL has no NUL, so the lowest character it has is used."""
    return f"{name}\x01"


def past(prefix: str) -> str | None:
    """The first text after everything that begins with `prefix`; None if there is nothing after it."""
    kept = prefix.rstrip(_HIGHEST)
    if not kept:
        return None
    number = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if 0xD800 <= number <= 0xDFFF else number)


def max_results(text: str | None) -> int | None:
    """Raises BlobError unless absent or a number from 1 on; more than 5,000 counts as 5,000."""
    if not text:
        return None
    if not re.fullmatch(r"-?\d{1,10}", text, re.ASCII):
        raise invalid_parameter("maxresults", text, "a whole number from 1 to 5000")
    if int(text) < 1:
        raise invalid_parameter(
            "maxresults", text, "a whole number from 1 to 5000", code="OutOfRangeQueryParameterValue"
        )
    return min(int(text), MAX_RESULTS)


def containers(asked: Asked, entries: Iterable[ContainerEntry], next_marker: str) -> bytes:
    inner = "".join(map(_container, entries))
    return _document(asked, "", f"<Containers>{inner}</Containers>", next_marker)


def blobs(
    asked: Asked, container: str, entries: Sequence[BlobEntry | PrefixEntry], next_marker: str
) -> bytes:
    inner = "".join(_blob(entry) if isinstance(entry, BlobEntry) else _prefix(entry) for entry in entries)
    attribute = f' ContainerName="{xml_text(container)}"'
    return _document(asked, attribute, f"<Blobs>{inner}</Blobs>", next_marker)


def _document(asked: Asked, attribute: str, inner: str, next_marker: str) -> bytes:
    shown = "".join(
        f"<{element}>{xml_text(str(value))}</{element}>"
        for element, value in (
            ("Prefix", asked.prefix),
            ("Marker", asked.marker),
            ("MaxResults", asked.max_results),
            ("Delimiter", asked.delimiter),
        )
        if value is not None and value != ""
    )
    endpoint = xml_text(asked.service_endpoint)
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ServiceEndpoint="{endpoint}"{attribute}>{shown}{inner}'
        f"<NextMarker>{next_marker}</NextMarker></EnumerationResults>"
    ).encode()


def _container(entry: ContainerEntry) -> str:
    deleted = entry.deleted is not None
    before = [("Deleted", "true"), ("Version", dates.deleted_version(entry.deleted or 0))] if deleted else []
    access = [("PublicAccess", entry.access)] if entry.access else []
    after = deletion(entry.deleted, entry.remaining_days)
    return (
        f"<Container><Name>{xml_text(entry.name)}</Name>{_elements(before)}<Properties>"
        f"<Last-Modified>{dates.http_date(entry.modified)}</Last-Modified>"
        f"<Etag>{dates.etag(entry.modified)}</Etag>"
        f"{_elements(entry.lease)}{_elements(access)}{_elements(_OF_ALL_CONTAINERS)}"
        f"{_elements(after)}</Properties>{_metadata(entry.metadata)}</Container>"
    )


def _blob(entry: BlobEntry) -> str:
    properties = entry.properties
    times = (
        f"<Creation-Time>{dates.http_date(entry.created)}</Creation-Time>"
        f"<Last-Modified>{dates.http_date(entry.modified)}</Last-Modified>"
        f"<Etag>{dates.etag(entry.modified)[1:-1]}</Etag>"
    )
    after = _metadata(entry.metadata) + (tags.element(entry.tags) if entry.tags else "")
    return (
        f"<Blob>{name_element(entry.name)}{_elements(entry.beside)}<Properties>{times}"
        f"<Content-Length>{entry.size}</Content-Length>{_described(_description(properties))}"
        f"<Content-MD5>{xml_text(properties.content_md5)}</Content-MD5><BlobType>{entry.type}</BlobType>"
        f"{_elements(entry.special)}<ServerEncrypted>true</ServerEncrypted></Properties>{after}</Blob>"
    )


_description = attrgetter(*(field for field, _ in SHOWN_AS))


@lru_cache(maxsize=256)
def _described(values: Sequence[str]) -> str:
    """Most blobs of a container have the same."""
    return "".join(
        f"<{element}>{xml_text(value)}</{element}>" if value else f"<{element} />"
        for (_, element), value in zip(SHOWN_AS, values, strict=True)
    )


def deletion(deleted: int | None, remaining_days: int) -> Elements:
    """Properties of what was deleted softly."""
    if deleted is None:
        return ()
    return (
        ("DeletedTime", dates.http_date(deleted)),
        ("RemainingRetentionDays", str(remaining_days)),
    )


def _elements(pairs: Elements) -> str:
    return _rendered(tuple(pairs))


@lru_cache(maxsize=256)
def _rendered(pairs: Elements) -> str:
    """What has no lease and no copy looks like all others."""
    return "".join(f"<{name}>{xml_text(text)}</{name}>" for name, text in pairs)


def _prefix(entry: PrefixEntry) -> str:
    return f"<BlobPrefix>{name_element(entry.name)}</BlobPrefix>"


def name_element(name: str) -> str:
    """XML cannot carry every name; one that it cannot is percent-encoded and says so."""
    if is_xml(name):
        return f"<Name>{xml_text(name)}</Name>"
    return f'<Name Encoded="true">{quote(name, safe="/")}</Name>'


def _metadata(metadata: Mapping[str, str] | None) -> str:
    if metadata is None:
        return ""
    inner = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in metadata.items())
    return f"<Metadata>{inner}</Metadata>"
