import pytest

from batchite.wire.blob import leases
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.leases import INFINITE, Lease
from batchite.wire.ticks import TICKS_PER_SECOND

A, B, C = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "abc")
NOW = 1_000_000 * TICKS_PER_SECOND


def later(seconds: float) -> int:
    return NOW + int(seconds * TICKS_PER_SECOND)


STATES: dict[str, Lease | None] = {
    "available": None,
    "leased": Lease(A, 30, later(10)),
    "expired": Lease(A, 30, later(-1)),
    "breaking": Lease(A, 30, later(10), later(5)),
    "broken": Lease(A, 30, later(10), later(-1)),
}
LOCKED, BREAKING = "LeaseAlreadyPresent", "LeaseIsBreakingAndCannotBeAcquired"
MISMATCH, NONE = "LeaseIdMismatchWithLeaseOperation", "LeaseNotPresentWithLeaseOperation"
BROKEN, CHANGING = "LeaseIsBrokenAndCannotBeRenewed", "LeaseIsBreakingAndCannotBeChanged"
MATRIX = [
    # what is done, by whom, and what comes of it: available, leased, expired, breaking, broken (by A)
    ("acquire", A, "leased", "leased", "leased", BREAKING, "leased"),
    ("acquire", B, "leased", LOCKED, "leased", LOCKED, "leased"),
    ("renew", A, MISMATCH, "leased", "leased", BROKEN, BROKEN),
    ("renew", B, MISMATCH, MISMATCH, MISMATCH, MISMATCH, MISMATCH),
    ("change", A, NONE, "leased", NONE, CHANGING, NONE),
    ("change", C, NONE, MISMATCH, NONE, CHANGING, NONE),
    ("release", A, MISMATCH, "available", "available", "available", "available"),
    ("release", B, MISMATCH, MISMATCH, MISMATCH, MISMATCH, MISMATCH),
    ("break", "", NONE, "breaking", "broken", "breaking", "broken"),
]


def act(action: str, who: str, lease: Lease | None) -> str:
    """The state after it, or the code of the refusal."""
    after: Lease | None
    try:
        if action == "acquire":
            after = leases.acquire(lease, NOW, 15, who)
        elif action == "renew":
            after = leases.renew(lease, NOW, who)
        elif action == "change":
            after = leases.change(lease, NOW, who, B)
        elif action == "release":
            leases.release(lease, who)
            after = None
        else:
            after, _ = leases.break_(lease, NOW, None)
    except BlobError as error:
        return error.code if error.status == 409 else f"{error.status}"
    return leases.state(after, NOW)


@pytest.mark.parametrize(("action", "who", "expected"), [(row[0], row[1], row[2:]) for row in MATRIX])
def test_the_matrix(action: str, who: str, expected: tuple[str, ...]) -> None:
    assert tuple(act(action, who, lease) for lease in STATES.values()) == expected


ACCESS = [
    # the id given, and what reading and changing say: available, leased, expired, breaking, broken
    (None, "", "LeaseIdMissing", "", "LeaseIdMissing", ""),
    (A, "LeaseNotPresentWithBlobOperation", "", "LeaseLost", "", "LeaseLost"),
    (B, "LeaseNotPresentWithBlobOperation", *["LeaseIdMismatchWithBlobOperation"] * 4),
]


@pytest.mark.parametrize(("given", "expected"), [(row[0], row[1:]) for row in ACCESS])
def test_what_needs_which_id(given: str | None, expected: tuple[str, ...]) -> None:
    for (state, lease), code in zip(STATES.items(), expected, strict=True):
        wanted = code
        if given == B and state in ("expired", "broken"):
            wanted = "LeaseNotPresentWithBlobOperation"
        assert outcome(leases.check_change, lease, given) == wanted
        assert outcome(leases.check_read, lease, given) == ("" if given is None else wanted)


def outcome(check: object, lease: Lease | None, given: str | None) -> str:
    assert callable(check)
    try:
        check(lease, given, NOW)
    except BlobError as error:
        return error.code if error.status == 412 else f"{error.status}"
    return ""


@pytest.mark.parametrize(
    ("lease", "asked", "left"),
    [
        (Lease(A, INFINITE), None, 0),
        (Lease(A, INFINITE), 60, 60),
        (Lease(A, 30, later(10)), None, 10),
        (Lease(A, 30, later(10)), 5, 5),
        (Lease(A, 30, later(10)), 20, 10),
        (Lease(A, 30, later(9.5)), None, 10),
        (Lease(A, 30, later(-3)), 20, 0),
        (Lease(A, 30, later(30), later(5)), 20, 5),
        (Lease(A, 30, later(30), later(5)), 0, 0),
    ],
)
def test_breaking_never_takes_longer_than_the_lease(lease: Lease, asked: int | None, left: int) -> None:
    broken, seconds = leases.break_(lease, NOW, asked)
    assert seconds == left
    assert leases.state(broken, later(left)) == "broken"


def test_a_change_ends_what_has_expired() -> None:
    kept = {state for state, lease in STATES.items() if leases.after_change(lease, NOW) is not None}
    assert kept == {"leased", "breaking"}


def test_leases_come_back_from_the_store() -> None:
    for lease in STATES.values():
        assert leases.decode(leases.encode(lease)) == lease


@pytest.mark.parametrize("text", ["14", "61", "0", "-2", "x", "9" * 30, "١٥"])
def test_durations_are_15_to_60_seconds_or_infinite(text: str) -> None:
    with pytest.raises(BlobError):
        leases.read_seconds(text)
    assert [leases.read_seconds(good) for good in ("15", "60", "-1")] == [15, 60, -1]
