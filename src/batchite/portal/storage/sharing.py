"""Making shared access signatures: for an account, a container, a blob or a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from batchite.portal.answers import Answer, Page, Refused
from batchite.portal.blob_client import addresses
from batchite.portal.routes import Route, change, show
from batchite.portal.storage import places, using
from batchite.portal.storage.places import StoragePlace
from batchite.portal.visit import Visit
from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp

WORDS: Final[Mapping[str, str]] = {
    "r": "read",
    "a": "add to append blobs",
    "c": "create",
    "w": "write",
    "d": "delete",
    "x": "delete versions",
    "l": "list",
    "t": "read and write tags",
    "f": "find by tags",
}
"""Permissions by their letters."""
TYPES: Final[Mapping[str, str]] = {
    "s": "the account itself",
    "c": "containers",
    "o": "blobs",
}
"""Of resources, by their letters."""
LIFETIMES: Final[Mapping[str, tuple[str, Duration]]] = {
    "hour": ("an hour", Duration.of(minutes=60)),
    "day": ("a day", Duration.of(days=1)),
    "week": ("a week", Duration.of(days=7)),
    "month": ("30 days", Duration.of(days=30)),
    "year": ("a year", Duration.of(days=365)),
}
_PERMISSION, _TYPE = "may-", "of-"


@dataclass(frozen=True, slots=True)
class Shared:
    """What is shared: `letters` are what can be permitted, `usual` what is unless somebody chooses."""

    what: str
    letters: str
    usual: str
    has_types: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """The result; `lines` are ways to use it, by what they are for."""

    url: str
    token: str
    permitted: str
    expiry: Timestamp
    lines: using.Lines
    is_of_no_use: bool
    """it asks for HTTPS, which the service does not speak"""


def _shared(place: StoragePlace) -> Shared:
    if "container" not in place.visit.params:
        return Shared(f"the account {place.account.name}", "rwdlacxtf", "rl", has_types=True)
    if not place.is_of_blob:
        return Shared(f"the container {place.container}", "racwdxltf", "rl")
    where = place.blob
    if where.snapshot:
        return Shared(f"the snapshot {where.snapshot} of {where.name}", "r", "r")
    return Shared(f"the blob {where.name}", "racwdxt", "r")


async def show_form(visit: Visit) -> Answer:
    place = places.find(visit)
    shared = _shared(place)
    chosen = {f"{_PERMISSION}{letter}" for letter in shared.usual} | {f"{_TYPE}{letter}" for letter in TYPES}
    return _page(place, shared, dict.fromkeys(chosen, "yes") | {"for": "day"}, None)


async def make(visit: Visit) -> Answer:
    place = places.find(visit)
    shared = _shared(place)
    try:
        made, problem = _make(place, shared, visit.form), ""
    except Refused as refused:
        made, problem = None, str(refused)
    return _page(place, shared, visit.form, made, problem)


def _page(
    place: StoragePlace, shared: Shared, form: Mapping[str, str], made: Made | None, problem: str = ""
) -> Page:
    where = place.blob if place.is_of_blob else None
    prefix = places.folder_of(where.name) if where else ""
    more = [addresses.file_name(where.name), "Share"] if where else ["Share"]
    steps = place.steps(prefix, *more)
    values = {
        "place": place,
        "shared": shared,
        "steps": steps,
        "permissions": [(f"{_PERMISSION}{letter}", WORDS[letter]) for letter in shared.letters],
        "types": [(f"{_TYPE}{letter}", word) for letter, word in TYPES.items()] if shared.has_types else [],
        "lifetimes": [(name, words) for name, (words, _) in LIFETIMES.items()],
        "form": form,
        "made": made,
        "problem": problem,
    }
    return Page("storage/sharing.html", values, status=400 if problem else 200, is_secret=made is not None)


def _make(place: StoragePlace, shared: Shared, form: Mapping[str, str]) -> Made:
    """Raises Refused."""
    grant = Grant(
        permissions=_chosen(form, _PERMISSION, shared.letters, "Choose what it permits."),
        expiry=_expiry(form, place.visit.services.clock.wall()),
        addresses=_addresses(form.get("addresses", "").strip()),
        https_only=form.get("https") == "yes",
    )
    key, name = place.account.key_bytes[0], place.account.name
    if shared.has_types:
        types = _chosen(form, _TYPE, "".join(TYPES), "Choose what it is for.")
        token = granting.for_account(key, name, types, grant)
        return _made(place.public(), token, grant, using.of_account)
    if not place.is_of_blob:
        token = granting.for_container(key, name, place.container, grant)
        return _made(place.public(place.container), token, grant, using.of_container)
    where = place.blob
    token = granting.for_blob(key, name, where.container, where.name, grant, where.snapshot)
    return _made(place.public(where.container, where.name), token, grant, using.of_blob)


def _made(base: str, token: str, grant: Grant, lines: Callable[[str], using.Lines]) -> Made:
    url = f"{base}?{token}"
    permitted = ", ".join(WORDS[letter] for letter in grant.permissions)
    is_of_no_use = grant.https_only and base.startswith("http:")
    return Made(url, token, permitted, grant.expiry, lines(url), is_of_no_use)


def _chosen(form: Mapping[str, str], beginning: str, letters: str, otherwise: str) -> str:
    found = "".join(letter for letter in letters if form.get(f"{beginning}{letter}"))
    if not found:
        raise Refused(400, otherwise)
    return found


def _expiry(form: Mapping[str, str], now: Timestamp) -> Timestamp:
    """The moment that is given, in UTC, or so long from now."""
    until = form.get("until", "").strip()
    if not until:
        if form.get("for") not in LIFETIMES:
            raise Refused(400, "Choose how long it is good.")
        return _whole(now + LIFETIMES[form["for"]][1])
    try:
        moment = Timestamp.parse(until)
    except ValueError:
        raise Refused(400, f"Until {until[:40]!r}: write a time of UTC such as 2026-01-31T12:00.") from None
    if moment <= now:
        raise Refused(400, f"Until {until}: that is over already.")
    return _whole(moment)


def _whole(moment: Timestamp) -> Timestamp:
    """In whole seconds, as the token says it."""
    return Timestamp(moment.ticks // TICKS_PER_SECOND * TICKS_PER_SECOND)


def _addresses(text: str) -> str:
    if not text:
        return ""
    try:
        ends = [ip_address(end) for end in text.split("-")]
    except ValueError:
        ends = []
    if len(ends) not in (1, 2) or len({end.version for end in ends}) != 1 or int(ends[0]) > int(ends[-1]):
        raise Refused(
            400, f"Addresses {text[:80]!r}: write one, or two joined by - such as 10.0.0.1-10.0.0.9."
        )
    return "-".join(map(str, ends))


_CONTAINER = "/storage/{storage}/containers/{container}"
_PLACES = ("/storage/{storage}", _CONTAINER, f"{_CONTAINER}/blob")

ROUTES: tuple[Route, ...] = (
    *(show(f"{place}/share", show_form) for place in _PLACES),
    *(change(f"{place}/share", make) for place in _PLACES),
)
