"""Users of a node, by whom people log in to it."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.fields import Maybe, Model
from batchite.wire.ticks import Timestamp


class LoginShape(Model, frozen=True, kw_only=True):
    """What a client says of a user, and may say anew."""

    password: Maybe[str] = UNSET
    expiry_time: Maybe[Timestamp] = UNSET
    ssh_public_key: Maybe[str] = UNSET


class BatchNodeUserCreateOptions(LoginShape, frozen=True, kw_only=True):
    """A user to add to a node."""

    name: str
    is_admin: Maybe[bool] = UNSET


class BatchNodeUserReplaceOptions(LoginShape, frozen=True, kw_only=True):
    """What a user of a node is from now on, but for name and rights."""
