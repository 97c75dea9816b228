"""Applications with their packages, as they are stored and shown, and what references to them mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from batchite.resources.keys import folded
from batchite.resources.showing import given
from batchite.wire.batch.models.applications import BatchApplication
from batchite.wire.batch.models.common import BatchApplicationPackageReference
from batchite.wire.batch.models.fields import Given, Maybe, Model
from batchite.wire.batch.validation.applications import application_name
from batchite.wire.ticks import Timestamp

MOST_APPLICATIONS: Final = 20
"""Of an account."""
MOST_PACKAGES: Final = 40
"""Of an application."""


class Package(NamedTuple):
    """A stored package; `digest` is that of its content, in hexadecimal; `size` and `unpacked` are bytes."""

    version: str
    digest: str
    size: int
    unpacked: int
    files: int
    created: int

    @property
    def key(self) -> str:
        return folded(self.version)


class Application(NamedTuple):
    """A stored application, with its packages in the order in which they came."""

    application_no: int
    id: str
    display_name: str | None
    allow_updates: bool
    default_key: str | None
    created: int
    modified: int
    packages: Sequence[Package]

    @property
    def default(self) -> Package | None:
        """What is meant where no version is named."""
        return None if self.default_key is None else self.find(self.default_key)

    def find(self, version: str) -> Package | None:
        return next((one for one in self.packages if one.key == folded(version)), None)


class Reference(NamedTuple):
    """To a package of an application, by its id as it was given; without a version to the default one."""

    application_id: str
    version: str = ""


def references(given: Maybe[Sequence[BatchApplicationPackageReference]]) -> tuple[Reference, ...]:
    """Each once."""
    found = (Reference(application_name(one.application_id), one.version or "") for one in given or ())
    return tuple(dict.fromkeys(found))


def resolved(reference: Reference, application: Application | None) -> Package | str:
    """The package that is meant, or why there is none: a sentence that says what to do."""
    name, version = reference
    if application is None:
        return f"There is no application {name!r}. Add it with: batchite application add {name} VERSION FILE"
    versions = ", ".join(one.version for one in application.packages) or "none"
    if version:
        return application.find(version) or (
            f"The application {name!r} has no version {version!r}; there is {versions}. Name one of these, "
            f"or add it with: batchite application add {name} {version} FILE"
        )
    return application.default or (
        f"The application {name!r} has no default version; there is {versions}. Name a version, or choose "
        f"the default with: batchite application set {name} --default VERSION"
    )


def row(account: str, name: str, now: int) -> dict[str, Any]:
    """Of an application to be added."""
    return {
        "account": account,
        "key": folded(name),
        "id": name,
        "display_name": None,
        "allow_updates": True,
        "default_key": None,
        "created": now,
        "modified": now,
    }


def shown(application: Application) -> BatchApplication:
    """As the API does, which promises clients a name to display: the id where nobody has given one."""
    return BatchApplication(
        id=application.id,
        display_name=application.display_name or application.id,
        versions=tuple(one.version for one in application.packages),
    )


class ManagedPackage(Model, frozen=True, kw_only=True):
    """Sizes are bytes; `files` are how many are in it."""

    version: str
    sha256: str
    size: int
    unpacked_size: int
    files: int
    creation_time: Timestamp


class ManagedApplication(Model, frozen=True, kw_only=True):
    """All that there is to say of one."""

    id: str
    display_name: Given[str] = UNSET
    allow_updates: bool
    default_version: Given[str] = UNSET
    creation_time: Timestamp
    last_modified: Timestamp
    packages: tuple[ManagedPackage, ...]


class ManagedApplications(Model, frozen=True, kw_only=True):
    value: tuple[ManagedApplication, ...]


def managed(application: Application) -> ManagedApplication:
    return ManagedApplication(
        id=application.id,
        display_name=given(application.display_name),
        allow_updates=application.allow_updates,
        default_version=application.default.version if application.default else UNSET,
        creation_time=Timestamp(application.created),
        last_modified=Timestamp(application.modified),
        packages=tuple(map(_managed, application.packages)),
    )


def _managed(package: Package) -> ManagedPackage:
    return ManagedPackage(
        version=package.version,
        sha256=package.digest,
        size=package.size,
        unpacked_size=package.unpacked,
        files=package.files,
        creation_time=Timestamp(package.created),
    )


def all_managed(applications: Iterable[Application]) -> ManagedApplications:
    return ManagedApplications(value=tuple(map(managed, applications)))
