"""Entity tags: that of a resource is made from the moment of its last change."""

from __future__ import annotations

_YEAR_ONE = 621_355_968_000_000_000  # ticks from the year 1, from which entity tags count, to 1970


def etag(modified: int) -> str:
    """The unquoted entity tag of a resource changed at `modified`."""
    return f"0x{modified + _YEAR_ONE:X}"


def moment(tag: str) -> int:
    """When the resource with this unquoted tag was changed; -1 for a tag that is none of ours."""
    try:
        ticks = int(tag, 16) - _YEAR_ONE if tag[:2] in ("0x", "0X") else -1
    except ValueError:
        return -1
    return ticks if 0 <= ticks < 2**63 else -1
