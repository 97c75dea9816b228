"""The XML of List Containers and List Blobs, and the markers that continue a list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from batchite.wire.blob import dates
from batchite.wire.blob.errors import invalid_parameter, is_xml_character, xml_text
from batchite.wire.blob.headers import SHOWN_AS, HttpProperties

MAX_RESULTS = 5000
_MARKER_PREFIX = b"1\n"
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class ContainerEntry:
    name: str
    modified: int
    metadata: Mapping[str, str] | None = None
    """None: not asked for"""


@dataclass(frozen=True, slots=True)
class BlobEntry:
    name: str
    created: int
    modified: int
    size: int
    properties: HttpProperties
    metadata: Mapping[str, str] | None = None
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


def marker(first: str) -> str:
    """The opaque text that continues a list at the first name not before `first`."""
    return base64.urlsafe_b64encode(_MARKER_PREFIX + first.encode()).decode()


def read_marker(text: str | None) -> str:
    """The first name that may come, "" for the beginning. Raises BlobError for a marker not ours."""
    if not text:
        return ""
    try:
        decoded = base64.b64decode(text, altchars=b"-_", validate=True)
        if decoded.startswith(_MARKER_PREFIX):
            return decoded.removeprefix(_MARKER_PREFIX).decode()
    except (binascii.Error, ValueError):
        pass
    raise invalid_parameter("marker", text, "a marker is the NextMarker of an earlier page, unchanged")


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
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
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
    return (
        f"<Container><Name>{xml_text(entry.name)}</Name><Properties>"
        f"<Last-Modified>{dates.http_date(entry.modified)}</Last-Modified>"
        f"<Etag>{dates.etag(entry.modified)}</Etag>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        "<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>"
        f"</Properties>{_metadata(entry.metadata)}</Container>"
    )


def _blob(entry: BlobEntry) -> str:
    properties = entry.properties
    shown = "".join(
        f"<{element}>{xml_text(value)}</{element}>"
        if (value := getattr(properties, field))
        else f"<{element} />"
        for field, element in SHOWN_AS
    )
    times = (
        f"<Creation-Time>{dates.http_date(entry.created)}</Creation-Time>"
        f"<Last-Modified>{dates.http_date(entry.modified)}</Last-Modified>"
        f"<Etag>{dates.etag(entry.modified)[1:-1]}</Etag>"
    )
    return (
        f"<Blob>{_name(entry.name)}<Properties>{times}"
        f"<Content-Length>{entry.size}</Content-Length>{shown}"
        f"<Content-MD5>{xml_text(properties.content_md5)}</Content-MD5><BlobType>BlockBlob</BlobType>"
        "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
        f"<ServerEncrypted>false</ServerEncrypted></Properties>{_metadata(entry.metadata)}</Blob>"
    )


def _prefix(entry: PrefixEntry) -> str:
    return f"<BlobPrefix>{_name(entry.name)}</BlobPrefix>"


def _name(name: str) -> str:
    """XML cannot carry every name; one that it cannot is percent-encoded and says so."""
    if all(map(is_xml_character, name)):
        return f"<Name>{xml_text(name)}</Name>"
    return f'<Name Encoded="true">{quote(name, safe="/")}</Name>'


def _metadata(metadata: Mapping[str, str] | None) -> str:
    if metadata is None:
        return ""
    inner = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in metadata.items())
    return f"<Metadata>{inner}</Metadata>"
