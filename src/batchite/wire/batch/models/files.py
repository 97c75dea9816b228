"""Files on nodes."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.fields import Given, Int64, Model
from batchite.wire.ticks import Timestamp


class FileProperties(Model, frozen=True, kw_only=True):
    """What is known of a file; the length in bytes."""

    creation_time: Given[Timestamp] = UNSET
    last_modified: Timestamp
    content_length: Int64
    content_type: Given[str] = UNSET
    file_mode: Given[str] = UNSET


class BatchNodeFile(Model, frozen=True, kw_only=True):
    """A file or directory on a node."""

    name: Given[str] = UNSET
    url: Given[str] = UNSET
    is_directory: Given[bool] = UNSET
    properties: Given[FileProperties] = UNSET
