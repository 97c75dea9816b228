"""A user of a node, by whom people log in: one value from the row to the node's system."""

from __future__ import annotations

import msgspec


class Login(msgspec.Struct, frozen=True, array_like=True):
    name: str
    is_admin: bool
    expires: int
    """in ticks"""
    password: str | None
    """its hash, as /etc/shadow has it; none: nobody logs in by one"""
    ssh_public_key: str | None
