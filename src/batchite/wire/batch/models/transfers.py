"""Files that are fetched before a task runs and uploaded after it."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchNodeIdentityReference
from batchite.wire.batch.models.enums import OutputFileUploadCondition
from batchite.wire.batch.models.fields import Maybe, Model


class ResourceFile(Model, frozen=True, kw_only=True):
    """One file, or the blobs of a container, fetched before the command line runs.

    Exactly one source is given.
    """

    auto_storage_container_name: Maybe[str] = UNSET
    storage_container_url: Maybe[str] = UNSET
    http_url: Maybe[str] = UNSET
    blob_prefix: Maybe[str] = UNSET
    file_path: Maybe[str] = UNSET
    file_mode: Maybe[str] = UNSET
    identity_reference: Maybe[BatchNodeIdentityReference] = UNSET


class OutputFileUploadHeader(Model, frozen=True, kw_only=True):
    """A header of the requests that upload an output file."""

    name: str
    value: Maybe[str] = UNSET


class OutputFileBlobContainerDestination(Model, frozen=True, kw_only=True):
    """The container and path that output files go to."""

    path: Maybe[str] = UNSET
    container_url: str
    identity_reference: Maybe[BatchNodeIdentityReference] = UNSET
    upload_headers: Maybe[tuple[OutputFileUploadHeader, ...]] = UNSET


class OutputFileDestination(Model, frozen=True, kw_only=True):
    """Where output files go."""

    container: Maybe[OutputFileBlobContainerDestination] = UNSET


class OutputFileUploadConfiguration(Model, frozen=True, kw_only=True):
    """When output files are uploaded."""

    upload_condition: OutputFileUploadCondition


class OutputFile(Model, frozen=True, kw_only=True):
    """Files that are uploaded after the task has run."""

    file_pattern: str
    destination: OutputFileDestination
    upload_options: OutputFileUploadConfiguration
