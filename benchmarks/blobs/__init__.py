"""The Blob service beside Azurite: both in one run, with the same clients, in turns."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.blobs import killed, lists, ready, sdk, small, stored, streams
from benchmarks.figures import Measured
from benchmarks.scale import Scale

FAMILIES: dict[str, Callable[[Scale], Measured]] = {
    "blobs-small": small.measure,
    "blobs-streams": streams.measure,
    "blobs-stored": stored.measure,
    "blobs-lists": lists.measure,
    "blobs-killed": killed.measure,
    "blobs-ready": ready.measure,
    "blobs-sdk": sdk.measure,
}
