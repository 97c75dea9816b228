"""Leases of containers and blobs, decided as the Blob service documents them.

Every function is given the lease as stored (None: there has been none since the last release) and
the present tick. A lease ends without anybody doing something, so its state is a matter of time.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec

from batchite.wire.blob.errors import BlobError, invalid_header
from batchite.wire.ticks import TICKS_PER_SECOND

State = Literal["available", "leased", "expired", "breaking", "broken"]
What = Literal["Blob", "Container"]

INFINITE = -1
MIN_SECONDS, MAX_SECONDS = 15, 60
MAX_BREAK_SECONDS = 60


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """`seconds` is the duration, or INFINITE; `end` and `broken` are ticks.

    `end`: when it expires (None: never). `broken`: when it is broken, if somebody breaks it.
    """

    id: str
    seconds: int
    end: int | None = None
    broken: int | None = None


_ELEMENTS = {
    "x-ms-lease-status": "LeaseStatus",
    "x-ms-lease-state": "LeaseState",
    "x-ms-lease-duration": "LeaseDuration",
}
_UNLOCKED = (("x-ms-lease-status", "unlocked"), ("x-ms-lease-state", "available"))
_AVAILABLE = (("LeaseStatus", "unlocked"), ("LeaseState", "available"))
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Lease)


def encode(lease: Lease | None) -> bytes | None:
    return None if lease is None else _encoder.encode(lease)


def decode(stored: bytes | None) -> Lease | None:
    return _decoder.decode(stored) if stored else None


def state(lease: Lease | None, now: int) -> State:
    if lease is None:
        return "available"
    if lease.broken is not None:
        return "breaking" if now < lease.broken else "broken"
    return "leased" if lease.end is None or now < lease.end else "expired"


def locked(lease: Lease | None, now: int) -> bool:
    """Whether changes need the lease's id."""
    return state(lease, now) in ("leased", "breaking")


def after_change(lease: Lease | None, now: int) -> Lease | None:
    """A lease that has ended is forgotten by the next change, so that it cannot be renewed."""
    return lease if locked(lease, now) else None


def headers(lease: Lease | None, now: int) -> list[tuple[str, str]]:
    """What properties show."""
    if lease is None:
        return [*_UNLOCKED]
    present = state(lease, now)
    status = "locked" if present in ("leased", "breaking") else "unlocked"
    shown = [("x-ms-lease-status", status), ("x-ms-lease-state", present)]
    if present == "leased":
        shown.append(("x-ms-lease-duration", "infinite" if lease.seconds == INFINITE else "fixed"))
    return shown


def elements(lease: Lease | None, now: int) -> tuple[tuple[str, str], ...]:
    """What lists show."""
    if lease is None:
        return _AVAILABLE
    return tuple((_ELEMENTS[name], text) for name, text in headers(lease, now))


def read_id(name: str, text: str) -> str:
    """A lease's id in one spelling. Raises BlobError InvalidHeaderValue unless it is a GUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise invalid_header(name, text, "a lease's id is a GUID") from None


def read_seconds(text: str) -> int:
    """The duration to acquire a lease for. Raises BlobError InvalidHeaderValue."""
    seconds = _number("x-ms-lease-duration", text)
    if seconds != INFINITE and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise invalid_header("x-ms-lease-duration", text, "15 to 60 seconds, or -1 for no end")
    return seconds


def read_break_seconds(text: str | None) -> int | None:
    """The time until a lease is broken, if given. Raises BlobError InvalidHeaderValue."""
    if not text:
        return None
    seconds = _number("x-ms-lease-break-period", text)
    if not 0 <= seconds <= MAX_BREAK_SECONDS:
        raise invalid_header("x-ms-lease-break-period", text, "0 to 60 seconds")
    return seconds


def _number(name: str, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise invalid_header(name, text, "a whole number of seconds")
    return int(text)


def check_change(lease: Lease | None, given: str | None, now: int, what: What = "Blob") -> None:
    """For changing or deleting, with the id of the request if it has one. Raises BlobError 412."""
    if given is None and locked(lease, now):
        raise BlobError("LeaseIdMissing", f"There is currently a lease on the {what.lower()} "
                        "and no lease ID was specified in the request.")  # fmt: skip
    check_read(lease, given, now, what)


def check_read(lease: Lease | None, given: str | None, now: int, what: What = "Blob") -> None:
    """For reading: needs no id, but one that is given must be right. Raises BlobError 412."""
    if given is None:
        return
    if locked(lease, now):
        if lease is None or lease.id != given:
            raise BlobError(f"LeaseIdMismatchWith{what}Operation")
    elif lease is not None and lease.id == given:
        raise BlobError("LeaseLost")
    else:
        raise BlobError(f"LeaseNotPresentWith{what}Operation")


def acquire(lease: Lease | None, now: int, seconds: int, lease_id: str) -> Lease:
    """Raises BlobError 409 if somebody has one."""
    present = state(lease, now)
    if lease is not None and present in ("leased", "breaking"):
        if lease.id != lease_id:
            raise BlobError("LeaseAlreadyPresent")
        if present == "breaking":
            raise BlobError("LeaseIsBreakingAndCannotBeAcquired")
    return Lease(lease_id, seconds, _end(seconds, now))


def renew(lease: Lease | None, now: int, lease_id: str) -> Lease:
    """Also one that has expired, if nothing was changed since. Raises BlobError 409."""
    mine = _mine(lease, lease_id)
    if mine.broken is not None:
        raise BlobError("LeaseIsBrokenAndCannotBeRenewed")
    return Lease(mine.id, mine.seconds, _end(mine.seconds, now))


def change(lease: Lease | None, now: int, lease_id: str, proposed: str) -> Lease:
    """The lease goes on under another id. Raises BlobError 409."""
    present = state(lease, now)
    if lease is None or present in ("broken", "expired"):
        raise BlobError("LeaseNotPresentWithLeaseOperation")
    if present == "breaking":
        raise BlobError("LeaseIsBreakingAndCannotBeChanged")
    if lease.id not in (lease_id, proposed):
        raise BlobError("LeaseIdMismatchWithLeaseOperation")
    return msgspec.structs.replace(lease, id=proposed)


def release(lease: Lease | None, lease_id: str) -> None:
    """Raises BlobError 409 unless the lease, in whatever state, has this id."""
    _mine(lease, lease_id)


def break_(lease: Lease | None, now: int, seconds: int | None) -> tuple[Lease, int]:
    """The lease and the seconds until another can be acquired. Raises BlobError 409 if there is none.

    The time left is never made longer; an infinite lease without a period is broken at once.
    """
    if lease is None:
        raise BlobError("LeaseNotPresentWithLeaseOperation")
    end = lease.end if lease.broken is None else lease.broken
    asked = None if seconds is None else now + seconds * TICKS_PER_SECOND
    candidates = [time for time in (end, asked) if time is not None]
    broken = max(min(candidates, default=now), now)
    return msgspec.structs.replace(lease, broken=broken), -((now - broken) // TICKS_PER_SECOND)


def _mine(lease: Lease | None, lease_id: str) -> Lease:
    if lease is None or lease.id != lease_id:
        raise BlobError("LeaseIdMismatchWithLeaseOperation")
    return lease


def _end(seconds: int, now: int) -> int | None:
    return None if seconds == INFINITE else now + seconds * TICKS_PER_SECOND
