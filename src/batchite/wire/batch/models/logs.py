"""What nodes say of themselves."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchNodeIdentityReference
from batchite.wire.batch.models.fields import Int32, Maybe, Model
from batchite.wire.ticks import Timestamp


class UploadBatchServiceLogsOptions(Model, frozen=True, kw_only=True):
    """Which logs a node is to upload, and where to."""

    container_url: str
    start_time: Timestamp
    end_time: Maybe[Timestamp] = UNSET
    identity_reference: Maybe[BatchNodeIdentityReference] = UNSET


class UploadBatchServiceLogsResult(Model, frozen=True, kw_only=True):
    """What a node begins to upload."""

    virtual_directory_name: str
    number_of_files_uploaded: Int32
