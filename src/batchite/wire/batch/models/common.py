"""Values that several resources share."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.enums import AutoUserScope, BatchErrorSourceCategory, ElevationLevel
from batchite.wire.batch.models.fields import Given, Maybe, Model


class BatchMetadataItem(Model, frozen=True, kw_only=True):
    """A name and value that mean something to the client only."""

    name: str
    value: str


class EnvironmentSetting(Model, frozen=True, kw_only=True):
    """An environment variable; without a value it is empty."""

    name: str
    value: Maybe[str] = UNSET


class NameValuePair(Model, frozen=True, kw_only=True):
    """A detail of an error inside a resource."""

    name: Given[str] = UNSET
    value: Given[str] = UNSET


class BatchNodeIdentityReference(Model, frozen=True, kw_only=True):
    """A managed identity of the nodes."""

    resource_id: Maybe[str] = UNSET


class BatchApplicationPackageReference(Model, frozen=True, kw_only=True):
    """An application package; without a version the default one."""

    application_id: str
    version: Maybe[str] = UNSET


class AutoUserSpecification(Model, frozen=True, kw_only=True):
    """The account that the service makes for tasks."""

    scope: Maybe[AutoUserScope] = UNSET
    elevation_level: Maybe[ElevationLevel] = UNSET


class UserIdentity(Model, frozen=True, kw_only=True):
    """Who a task runs as: a user account of the pool or an automatic user, not both."""

    username: Maybe[str] = UNSET
    auto_user: Maybe[AutoUserSpecification] = UNSET


class FailureShape(Model, frozen=True, kw_only=True):
    """Whose fault something was, and what happened."""

    category: BatchErrorSourceCategory
    code: Given[str] = UNSET
    message: Given[str] = UNSET
    details: Given[tuple[NameValuePair, ...]] = UNSET


class BatchTaskFailureInfo(FailureShape, frozen=True, kw_only=True):
    """Why a task failed; absent while nothing went wrong."""
