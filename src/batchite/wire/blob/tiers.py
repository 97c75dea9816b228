"""Access tiers: kept and shown; only Archive has an effect, that content cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchite.wire.blob.errors import BlobError, invalid_header

HEADER = "x-ms-access-tier"
DEFAULT = "Hot"
ARCHIVE = "Archive"
SMART = "Smart"
TIERS: Mapping[str, Sequence[str]] = {
    "block": ("Hot", "Cool", "Cold", ARCHIVE, SMART),
    "page": ("P4", "P6", "P10", "P15", "P20", "P30", "P40", "P50", "P60", "P70", "P80"),
}
"""By the type of blob; append blobs have none."""
_BY_NAME = {tier.lower(): (kind, tier) for kind, tiers in TIERS.items() for tier in tiers}
STANDARD, HIGH = "Standard", "High"
_PRIORITY = "x-ms-rehydrate-priority"


def read(text: str, kind: str | None = "block") -> str:
    """The header x-ms-access-tier, in any case, for a blob of this type (None: of any). Raises BlobError."""
    of, tier = _BY_NAME.get(text.lower(), ("", ""))
    if not tier:
        raise invalid_header(HEADER, text, f"one of {', '.join(TIERS.get(kind or '', TIERS['block']))}")
    if kind is not None and of != kind:
        reason = f"{tier} is a tier of {of} blobs, and the blob is of type {kind}"
        raise BlobError("InvalidBlobType", details=(("Reason", reason),))
    return tier


def read_priority(headers: Mapping[str, str]) -> str:
    """How soon a blob is to come out of the archive, STANDARD unless a header says. Raises BlobError."""
    text = headers.get(_PRIORITY)
    if text and text not in (STANDARD, HIGH):
        raise invalid_header(_PRIORITY, text, f"{STANDARD} or {HIGH}")
    return text or STANDARD
