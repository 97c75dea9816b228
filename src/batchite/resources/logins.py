"""Users of nodes, by whom people log in, as they are stored and shown."""

from __future__ import annotations

from typing import Any, Protocol

from batchite.resources.keys import folded
from batchite.resources.showing import given
from batchite.wire.batch.models.fields import Given, Model
from batchite.wire.batch.models.logins import BatchNodeUserCreateOptions, LoginShape
from batchite.wire.ticks import Timestamp


class LoginRow(Protocol):
    """A stored user of a node."""

    node_no: int
    name: str
    is_admin: bool
    expires: int
    password: str | None
    """its hash, as `/etc/shadow` has it"""
    ssh_public_key: str | None
    modified: int


class NodeLogin(Model, frozen=True, kw_only=True):
    """A user of a node, as an endpoint of ours tells of it. The protocol has no such operation."""

    name: str
    is_admin: bool
    expiry_time: Timestamp
    is_expired: bool
    has_password: bool
    ssh_public_key: Given[str]


def row(node_no: int, login: BatchNodeUserCreateOptions, password: str | None, now: int) -> dict[str, Any]:
    """Of a user to be added whose defaults are filled in; `password` is its hash."""
    return {
        "node_no": node_no,
        "key": folded(login.name),
        "name": login.name,
        "is_admin": bool(login.is_admin),
        "modified": now,
        **values(login, password),
    }


def values(login: LoginShape, password: str | None) -> dict[str, Any]:
    """Of columns, by what may be said anew of a user; what is not said is not there any more."""
    if not login.expiry_time:
        raise ValueError("the user has not been validated")
    return {
        "expires": login.expiry_time.ticks,
        "password": password,
        "ssh_public_key": login.ssh_public_key or None,
    }


def shown(login: LoginRow, now: int) -> NodeLogin:
    return NodeLogin(
        name=login.name,
        is_admin=login.is_admin,
        expiry_time=Timestamp(login.expires),
        is_expired=login.expires <= now,
        has_password=login.password is not None,
        ssh_public_key=given(login.ssh_public_key),
    )
