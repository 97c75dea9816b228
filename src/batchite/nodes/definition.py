"""What the agent reads of a task's or start task's definition; everything else is left unread."""

from __future__ import annotations

from typing import Literal

import msgspec


class ResourceFile(msgspec.Struct, frozen=True, rename="camel"):
    """Exactly one of the three sources is set."""

    http_url: str | None = None
    storage_container_url: str | None = None
    auto_storage_container_name: str | None = None
    blob_prefix: str | None = None
    file_path: str | None = None
    file_mode: str | None = None


class Header(msgspec.Struct, frozen=True):
    name: str
    value: str | None = None


class OutputContainer(msgspec.Struct, frozen=True, rename="camel"):
    container_url: str
    path: str | None = None
    upload_headers: tuple[Header, ...] | None = None


class OutputDestination(msgspec.Struct, frozen=True):
    container: OutputContainer


class UploadOptions(msgspec.Struct, frozen=True, rename="camel"):
    upload_condition: Literal["tasksuccess", "taskfailure", "taskcompletion"]


class OutputFile(msgspec.Struct, frozen=True, rename="camel"):
    file_pattern: str
    destination: OutputDestination
    upload_options: UploadOptions

    def is_wanted(self, exit_code: int | None) -> bool:
        """Of a command that ended so; None: it was ended."""
        condition = self.upload_options.upload_condition
        return condition == "taskcompletion" or (condition == "tasksuccess") == (exit_code == 0)


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


class PackageReference(msgspec.Struct, frozen=True, rename="camel"):
    """Without a version the default one is meant."""

    application_id: str
    version: str = ""

    @property
    def application(self) -> str:
        """Its id, which may be given as that of a resource: its last segment."""
        return self.application_id.rpartition("/")[2]


class Definition(msgspec.Struct, frozen=True, rename="camel"):
    command_line: str
    resource_files: tuple[ResourceFile, ...] | None = None
    environment_settings: tuple[EnvironmentSetting, ...] | None = None
    constraints: Constraints | None = None
    user_identity: UserIdentity | None = None
    application_package_references: tuple[PackageReference, ...] | None = None
    output_files: tuple[OutputFile, ...] | None = None


_decoder = msgspec.json.Decoder(Definition)


def decode(definition: bytes) -> Definition:
    """Raises msgspec.DecodeError."""
    return _decoder.decode(definition)
