"""Lengths of time in words."""

from __future__ import annotations

from batchite.wire.ticks import TICKS_PER_SECOND, Duration

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def words(duration: Duration) -> str:
    """The two largest units: `1 h 5 min`; below ten seconds with a fraction, below one in thousandths;
    `no limit` for infinity."""
    if duration.is_infinite:
        return "no limit"
    seconds, sign = abs(duration.ticks) / TICKS_PER_SECOND, "−" if duration.ticks < 0 else ""
    if 0 < seconds < 0.9995:
        return f"{sign}{1000 * seconds:.3g} ms"
    if seconds < 10:
        return f"{sign}{seconds:.3g} s"
    rest, parts = int(seconds), []
    for name, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return sign + " ".join(parts[:2])
