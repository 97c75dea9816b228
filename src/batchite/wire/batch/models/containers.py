"""Container tasks: what a pool prepares and what a task asks for."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchNodeIdentityReference
from batchite.wire.batch.models.enums import ContainerHostDataPath, ContainerType, ContainerWorkingDirectory
from batchite.wire.batch.models.fields import Given, Maybe, Model


class ContainerRegistryReference(Model, frozen=True, kw_only=True):
    """A container registry and how to log in."""

    username: Maybe[str] = UNSET
    password: Maybe[str] = UNSET
    registry_server: Maybe[str] = UNSET
    identity_reference: Maybe[BatchNodeIdentityReference] = UNSET


class BatchContainerConfiguration(Model, frozen=True, kw_only=True):
    """Makes the nodes of a pool able to run container tasks."""

    type: ContainerType
    container_image_names: Maybe[tuple[str, ...]] = UNSET
    container_registries: Maybe[tuple[ContainerRegistryReference, ...]] = UNSET


class ContainerHostBatchBindMountEntry(Model, frozen=True, kw_only=True):
    """A directory of the node that the container sees."""

    source: Maybe[ContainerHostDataPath] = UNSET
    is_read_only: Maybe[bool] = UNSET


class BatchTaskContainerSettings(Model, frozen=True, kw_only=True):
    """The container in which a task runs."""

    container_run_options: Maybe[str] = UNSET
    image_name: str
    registry: Maybe[ContainerRegistryReference] = UNSET
    working_directory: Maybe[ContainerWorkingDirectory] = UNSET
    container_host_batch_bind_mounts: Maybe[tuple[ContainerHostBatchBindMountEntry, ...]] = UNSET


class BatchTaskContainerExecutionInfo(Model, frozen=True, kw_only=True):
    """The container in which a task ran."""

    container_id: Given[str] = UNSET
    state: Given[str] = UNSET
    error: Given[str] = UNSET
