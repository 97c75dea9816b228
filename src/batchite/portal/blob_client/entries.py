"""Containers, folders and blobs as lists show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar
from urllib.parse import unquote

from batchite.portal.blob_client.documents import Element
from batchite.wire import http_dates
from batchite.wire.ticks import Timestamp

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Of a list; `marker` continues it, empty: it is the last."""

    entries: tuple[T, ...]
    marker: str


@dataclass(frozen=True, slots=True)
class Container:
    """`version` tells one that was deleted from others of its name; `days` are left until it is gone."""

    name: str
    modified: Timestamp | None
    access: str
    lease: str
    deleted: Timestamp | None = None
    version: str = ""
    days: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """Stands for all blobs whose names begin with its own."""

    name: str


@dataclass(frozen=True, slots=True)
class Blob:
    """`snapshot` and `version` are moments as the service names them, empty for the blob itself."""

    name: str
    size: int
    modified: Timestamp | None
    media_type: str
    kind: str
    tier: str
    lease: str
    snapshot: str = ""
    version: str = ""
    is_current: bool = False
    """of its versions the one that the blob is now"""
    is_deleted: bool = False
    deleted: Timestamp | None = None
    days: str = ""


Entry: TypeAlias = Folder | Blob


def containers(root: Element) -> Part[Container]:
    return _part(root, "Containers", {"Container": _container})


def blobs(root: Element) -> Part[Entry]:
    """In the order of the list: folders stand among the blobs."""
    return _part(root, "Blobs", {"Blob": _blob, "BlobPrefix": _folder})


def _part(root: Element, name: str, readers: Mapping[str, Callable[[Element], T]]) -> Part[T]:
    found = tuple(
        readers[element.name](element) for element in root.child(name).children if element.name in readers
    )
    return Part(found, root.value("NextMarker").strip())


def _container(element: Element) -> Container:
    properties = element.child("Properties")
    return Container(
        name=_name(element),
        modified=moment(properties.value("Last-Modified")),
        access=properties.value("PublicAccess"),
        lease=properties.value("LeaseState"),
        deleted=moment(properties.value("DeletedTime")),
        version=element.value("Version"),
        days=properties.value("RemainingRetentionDays"),
    )


def _folder(element: Element) -> Folder:
    return Folder(_name(element))


def _blob(element: Element) -> Blob:
    properties = element.child("Properties")
    return Blob(
        name=_name(element),
        size=number(properties.value("Content-Length")),
        modified=moment(properties.value("Last-Modified")),
        media_type=properties.value("Content-Type"),
        kind=properties.value("BlobType"),
        tier=properties.value("AccessTier"),
        lease=properties.value("LeaseState"),
        snapshot=element.value("Snapshot"),
        version=element.value("VersionId"),
        is_current=element.value("IsCurrentVersion") == "true",
        is_deleted=element.value("Deleted") == "true",
        deleted=moment(properties.value("DeletedTime")),
        days=properties.value("RemainingRetentionDays"),
    )


def _name(element: Element) -> str:
    """One that XML cannot carry comes percent-encoded, and says so."""
    name = element.child("Name")
    return unquote(name.text) if name.attributes.get("Encoded") == "true" else name.text


def moment(text: str) -> Timestamp | None:
    """A date of HTTP; None for what is none."""
    try:
        return http_dates.read(text)
    except ValueError:
        return None


def number(text: str) -> int:
    """Not below 0; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
