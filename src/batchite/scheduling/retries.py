"""Whether a run that failed is repeated, and after which pause."""

from __future__ import annotations

from batchite.wire.ticks import TICKS_PER_SECOND

FIRST_PAUSE = TICKS_PER_SECOND // 10
LONGEST_PAUSE = 5 * TICKS_PER_SECOND


def may_follow(exit_code: int | None, max_retries: int, retries: int) -> bool:
    """After so many retries; a negative `max_retries` is no limit.

    Only a command that ran and ended with another code than 0 is retried.
    """
    return bool(exit_code) and (max_retries < 0 or retries < max_retries)


def pause(max_retries: int, retries: int) -> int:
    """Ticks before the next retry. There is a pause only where nothing else ends them: a command that fails
    at once would keep a slot from every other task."""
    if max_retries >= 0:
        return 0
    return min(FIRST_PAUSE << min(retries, 16), LONGEST_PAUSE)
