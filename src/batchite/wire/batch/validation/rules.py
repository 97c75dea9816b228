"""Rules that several resources share. `where` is the property's path, as errors name it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import UNSET

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError, invalid_property, missing_property
from batchite.wire.batch.models.common import BatchMetadataItem, EnvironmentSetting, UserIdentity
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.ticks import Duration

MAX_ID_LENGTH = 64
MAX_DISPLAY_NAME_LENGTH = 1024
MAX_FILES_SIZE = 32_768
"""Characters of a list of resource files as JSON, where it belongs to a pool or job rather than to a task."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_FILE_MODE = re.compile(r"[0-7]{3,4}", re.ASCII)
_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
_CONTAINER = re.compile(r"\$root|\$web|(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_CONTAINER_RULE = (
    "must be the name of a container: 3 to 63 lower-case letters, digits and single hyphens between them"
)
_SEPARATORS = re.compile(r"[/\\]")
_ID_RULE = f"must have 1 to {MAX_ID_LENGTH} characters, which are letters, digits, - and _"


def check_id(where: str, value: str) -> None:
    """Ids of pools, jobs and tasks."""
    if _ID.fullmatch(value) is None:
        raise invalid_property(where, value, _ID_RULE)


def check_display_name(where: str, value: Maybe[str]) -> None:
    if isinstance(value, str) and len(value) > MAX_DISPLAY_NAME_LENGTH:
        raise invalid_property(where, value, f"must have at most {MAX_DISPLAY_NAME_LENGTH} characters")


def check_command_line(where: str, value: str) -> None:
    if not value.strip():
        raise invalid_property(where, value, "must not be empty")
    check_no_nul(where, value)


def check_text(where: str, value: str) -> None:
    """That there is some."""
    if not value.strip():
        raise invalid_property(where, value, "must not be empty")
    check_no_nul(where, value)


def check_different(where: str, name: str, values: Sequence[object]) -> None:
    """Of the items of a list no two may have the same `name`; `values` are those that have one."""
    met: set[object] = set()
    for value in values:
        if value in met:
            raise invalid_property(where, value, f"must have each {name} once")
        met.add(value)


def check_environment(where: str, settings: Maybe[Sequence[EnvironmentSetting]]) -> None:
    for index, setting in enumerate(settings or ()):
        name = setting.name
        if not name or "=" in name or "\0" in name:
            rule = "must be the name of an environment variable, without = and NUL"
            raise invalid_property(f"{where}[{index}].name", name, rule)
        check_no_nul(f"{where}[{index}].value", setting.value or "")


def check_metadata(where: str, items: Maybe[Sequence[BatchMetadataItem]]) -> None:
    for index, item in enumerate(items or ()):
        if not item.name:
            name = f"{where}[{index}].name"
            raise BatchError("EmptyMetadataKey", f"Give {name} a text.", (("PropertyName", name),))


def check_retries(where: str, value: Maybe[int]) -> None:
    if isinstance(value, int) and value < -1:
        raise invalid_property(where, value, "must be -1 (without end), 0 or more")


def check_duration(where: str, value: Maybe[Duration], least: Duration) -> None:
    """At least `least`."""
    if isinstance(value, Duration) and value < least:
        raise invalid_property(where, str(value), f"must be at least {least}")


def check_range(where: str, value: Maybe[int], least: int, most: int) -> None:
    """Between `least` and `most`, both included."""
    if isinstance(value, int) and not least <= value <= most:
        raise invalid_property(where, value, f"must lie between {least} and {most}")


def check_user_identity(where: str, identity: Maybe[UserIdentity]) -> None:
    if identity and identity.username is not UNSET and identity.auto_user is not UNSET:
        raise invalid_property(
            f"{where}.username", identity.username, "must not be given together with autoUser"
        )
    if identity and isinstance(identity.username, str):
        check_text(f"{where}.username", identity.username)


def check_resource_files(where: str, files: Maybe[Sequence[ResourceFile]]) -> None:
    for index, file in enumerate(files or ()):
        _check_resource_file(f"{where}[{index}]", file)


def check_files_size(where: str, files: Maybe[Sequence[ResourceFile]]) -> None:
    """That a list of resource files is not too long for what is sent to every node."""
    size = len(codec.encode(files).decode()) if files else 0
    if size > MAX_FILES_SIZE:
        detail = (
            f"{where} has {size} characters as JSON; it may have {MAX_FILES_SIZE}. Name fewer files, or a "
            "container that has them (storageContainerUrl)."
        )
        raise BatchError("RequestEntityTooLarge", detail, (("PropertyName", where),))


def _check_resource_file(where: str, file: ResourceFile) -> None:
    _check_sources(where, file)
    for name, url in (("httpUrl", file.http_url), ("storageContainerUrl", file.storage_container_url)):
        if isinstance(url, str):
            check_url(f"{where}.{name}", url)
    container = file.auto_storage_container_name
    if isinstance(container, str) and _CONTAINER.fullmatch(container) is None:
        raise invalid_property(f"{where}.autoStorageContainerName", container, _CONTAINER_RULE)
    if isinstance(file.http_url, str) and not file.file_path:
        raise missing_property(f"{where}.filePath")
    if isinstance(file.http_url, str) and _SEPARATORS.split(file.file_path or "")[-1] in ("", "."):
        raise invalid_property(f"{where}.filePath", file.file_path, "must name the file, not a directory")
    if isinstance(file.file_path, str):
        _check_inner_path(f"{where}.filePath", file.file_path)
    if isinstance(file.file_mode, str) and _FILE_MODE.fullmatch(file.file_mode) is None:
        raise invalid_property(f"{where}.fileMode", file.file_mode, "must be octal, such as 0770")


def check_url(where: str, url: str) -> None:
    if not _is_url(url):
        raise invalid_property(where, url, "must be an absolute http or https URL")


def _is_url(text: str) -> bool:
    if _URL.fullmatch(text) is None or not text.isprintable():
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets, ports and characters that no host has
        return False


def _check_sources(where: str, file: ResourceFile) -> None:
    sources = {
        "httpUrl": file.http_url,
        "storageContainerUrl": file.storage_container_url,
        "autoStorageContainerName": file.auto_storage_container_name,
    }
    given = [name for name, source in sources.items() if source is not UNSET]
    if len(given) != 1:
        raise invalid_property(where, given, f"must have exactly one of {', '.join(sources)}")
    if given == ["httpUrl"] and file.blob_prefix:
        raise invalid_property(f"{where}.blobPrefix", file.blob_prefix, "goes with a container only")


def _check_inner_path(where: str, path: str) -> None:
    """Relative, without a step upwards under either separator."""
    parts = _SEPARATORS.split(path)
    is_absolute = parts[0] == "" and len(parts) > 1
    if is_absolute or ".." in parts or re.match(r"[A-Za-z]:", path):
        raise invalid_property(where, path, "must stay inside of the working directory")
    check_no_nul(where, path)


def check_no_nul(where: str, value: str) -> None:
    if "\0" in value:
        raise invalid_property(where, value, "must not have a NUL character")
