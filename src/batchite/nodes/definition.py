"""What the agent reads of a task's or start task's definition; everything else is left unread."""

from __future__ import annotations

import msgspec


class ResourceFile(msgspec.Struct, frozen=True, rename="camel"):
    """Exactly one of the three sources is set."""

    http_url: str | None = None
    storage_container_url: str | None = None
    auto_storage_container_name: str | None = None
    blob_prefix: str | None = None
    file_path: str | None = None
    file_mode: str | None = None


class EnvironmentSetting(msgspec.Struct, frozen=True):
    name: str
    value: str | None = None


class Constraints(msgspec.Struct, frozen=True, rename="camel"):
    max_wall_clock_time: str | None = None


class AutoUser(msgspec.Struct, frozen=True, rename="camel"):
    scope: str = "pool"
    elevation_level: str = "nonadmin"


class UserIdentity(msgspec.Struct, frozen=True, rename="camel"):
    """At most one of the two is set."""

    username: str | None = None
    auto_user: AutoUser | None = None


class Definition(msgspec.Struct, frozen=True, rename="camel"):
    command_line: str
    resource_files: tuple[ResourceFile, ...] | None = None
    environment_settings: tuple[EnvironmentSetting, ...] | None = None
    constraints: Constraints | None = None
    user_identity: UserIdentity | None = None


_decoder = msgspec.json.Decoder(Definition)


def decode(definition: bytes) -> Definition:
    """Raises msgspec.DecodeError."""
    return _decoder.decode(definition)
