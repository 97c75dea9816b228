"""Named users of a pool's nodes."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.enums import ElevationLevel, LoginMode
from batchite.wire.batch.models.fields import Int32, Maybe, Model


class LinuxUserConfiguration(Model, frozen=True, kw_only=True):
    """Linux side of a user account; uid and gid come together."""

    uid: Maybe[Int32] = UNSET
    gid: Maybe[Int32] = UNSET
    ssh_private_key: Maybe[str] = UNSET


class WindowsUserConfiguration(Model, frozen=True, kw_only=True):
    """Windows side of a user account."""

    login_mode: Maybe[LoginMode] = UNSET


class UserAccount(Model, frozen=True, kw_only=True):
    """A user account on every node. Password and private key have to be given, and go no further than
    validation: they are neither stored nor returned."""

    name: str
    password: Maybe[str] = UNSET
    elevation_level: Maybe[ElevationLevel] = UNSET
    linux_user_configuration: Maybe[LinuxUserConfiguration] = UNSET
    windows_user_configuration: Maybe[WindowsUserConfiguration] = UNSET
