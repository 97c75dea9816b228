"""Logs of nodes to upload."""

from __future__ import annotations

from urllib.parse import urlsplit

from batchite.wire.batch.errors import invalid_property, unsupported_property
from batchite.wire.batch.models.logs import UploadBatchServiceLogsOptions
from batchite.wire.batch.validation import rules
from batchite.wire.batch.validation.nulls import without_nulls

_IDENTITIES = "managed identities are not supported; use a URL with a shared access signature."


def accept(options: UploadBatchServiceLogsOptions) -> UploadBatchServiceLogsOptions:
    """What is asked for, or a BatchError."""
    options = without_nulls(options)
    if options.identity_reference:
        raise unsupported_property("identityReference", _IDENTITIES)
    rules.check_url("containerUrl", options.container_url)
    if not urlsplit(options.container_url).path.strip("/"):
        place, _, _ = options.container_url.partition("?")
        raise invalid_property("containerUrl", place, "must name a container")
    if options.end_time and options.end_time < options.start_time:
        raise invalid_property("endTime", str(options.end_time), "must not be before startTime")
    return options
