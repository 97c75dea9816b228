"""Lease Blob and Lease Container."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

import sqlalchemy as sa

from batchite.blobs import given, guards
from batchite.blobs.answers import Answer, Headers, version_headers
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import existing as existing_container
from batchite.store.blobs import blobs, containers
from batchite.wire.blob import leases as rules
from batchite.wire.blob.errors import invalid_header, missing_header
from batchite.wire.blob.leases import Lease


class _Change(NamedTuple):
    """The lease from now on, and what is answered."""

    lease: Lease | None
    status: int
    headers: Headers


_Step = Callable[[Lease | None, int], _Change]
"""What happens to the present lease at a time."""


def _acquire(call: Call) -> _Step:
    seconds = rules.read_seconds(_required(call, "x-ms-lease-duration"))
    proposed = call.headers.get("x-ms-proposed-lease-id")
    name = rules.read_id("x-ms-proposed-lease-id", proposed) if proposed else str(uuid4())
    return lambda lease, now: _with_id(rules.acquire(lease, now, seconds, name), 201)


def _renew(call: Call) -> _Step:
    own = _own(call)
    return lambda lease, now: _with_id(rules.renew(lease, now, own), 200)


def _change(call: Call) -> _Step:
    own = _own(call)
    proposed = rules.read_id("x-ms-proposed-lease-id", _required(call, "x-ms-proposed-lease-id"))
    return lambda lease, now: _with_id(rules.change(lease, now, own, proposed), 200)


def _release(call: Call) -> _Step:
    own = _own(call)

    def step(lease: Lease | None, _now: int) -> _Change:
        rules.release(lease, own)
        return _Change(None, 200, [])

    return step


def _break(call: Call) -> _Step:
    asked = rules.read_break_seconds(call.headers.get("x-ms-lease-break-period"))

    def step(lease: Lease | None, now: int) -> _Change:
        broken, left = rules.break_(lease, now, asked)
        return _Change(broken, 202, [("x-ms-lease-time", str(left))])

    return step


_ACTIONS: dict[str, Callable[[Call], _Step]] = {
    "acquire": _acquire,
    "renew": _renew,
    "change": _change,
    "release": _release,
    "break": _break,
}


def _required(call: Call, name: str) -> str:
    value = call.headers.get(name)
    if not value:
        raise missing_header(name)
    return value


def _own(call: Call) -> str:
    return rules.read_id("x-ms-lease-id", _required(call, "x-ms-lease-id"))


def _with_id(lease: Lease, status: int) -> _Change:
    return _Change(lease, status, [("x-ms-lease-id", lease.id)])


def _read(call: Call) -> _Step:
    """Raises BlobError for headers that are missing or wrong."""
    given = _required(call, "x-ms-lease-action")
    action = _ACTIONS.get(given.lower())
    if action is None:
        raise invalid_header("x-ms-lease-action", given, f"one of {', '.join(_ACTIONS)}")
    return action(call)


async def lease_blob(service: Service, call: Call) -> Answer:
    step = _read(call)

    def unit(connection: sa.Connection) -> Answer:
        blob = guards.existing(guards.find_slot(connection, call))
        call.conditions.check_change(blob.modified)
        given.check_if_tags(call, blob)
        change = step(blob.lease, service.clock.now().ticks)
        blobs.set_lease(connection, blob.number, change.lease)
        return _answer(change, blob.modified)

    return await service.database.touch(unit)


async def lease_container(service: Service, call: Call) -> Answer:
    step = _read(call)

    def unit(connection: sa.Connection) -> Answer:
        container = existing_container(connection, call)
        call.conditions.check_change(container.modified)
        change = step(container.lease, service.clock.now().ticks)
        containers.set_lease(connection, container.number, change.lease)
        return _answer(change, container.modified)

    return await service.database.touch(unit)


def _answer(change: _Change, modified: int) -> Answer:
    return Answer(change.status, [*version_headers(modified), *change.headers])
