"""Access tiers: kept and shown; only Archive has an effect, that content cannot be read."""

from __future__ import annotations

from batchite.wire.blob.errors import BlobError, invalid_header

TIERS = ("Hot", "Cool", "Cold", "Archive")
DEFAULT = "Hot"
ARCHIVE = "Archive"
_PRIORITIES = ("Standard", "High")


def read(text: str, kind: str = "block") -> str:
    """The header x-ms-access-tier, in any case, for a blob of this type. Raises BlobError."""
    found = next((tier for tier in TIERS if tier.lower() == text.lower()), None)
    if found is None:
        raise invalid_header("x-ms-access-tier", text, f"one of {', '.join(TIERS)}")
    if kind != "block":
        reason = "only block blobs have a tier in an account of this kind"
        raise BlobError("InvalidBlobType", details=(("Reason", reason),))
    return found


def check_priority(text: str | None) -> None:
    """The header x-ms-rehydrate-priority; whatever it says, a blob comes back at once. Raises BlobError."""
    if text and text not in _PRIORITIES:
        raise invalid_header("x-ms-rehydrate-priority", text, f"one of {', '.join(_PRIORITIES)}")
