"""File systems that nodes mount."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchNodeIdentityReference
from batchite.wire.batch.models.fields import Maybe, Model


class AzureBlobFileSystemConfiguration(Model, frozen=True, kw_only=True):
    """A blob container as a file system."""

    account_name: str
    container_name: str
    account_key: Maybe[str] = UNSET
    sas_key: Maybe[str] = UNSET
    blobfuse_options: Maybe[str] = UNSET
    relative_mount_path: str
    identity_reference: Maybe[BatchNodeIdentityReference] = UNSET


class NfsMountConfiguration(Model, frozen=True, kw_only=True):
    """An NFS share."""

    source: str
    relative_mount_path: str
    mount_options: Maybe[str] = UNSET


class CifsMountConfiguration(Model, frozen=True, kw_only=True):
    """A CIFS share."""

    username: str
    source: str
    relative_mount_path: str
    mount_options: Maybe[str] = UNSET
    password: str


class AzureFileShareConfiguration(Model, frozen=True, kw_only=True):
    """A share of Azure Files."""

    account_name: str
    account_key: str
    azure_file_url: str
    relative_mount_path: str
    mount_options: Maybe[str] = UNSET


class MountConfiguration(Model, frozen=True, kw_only=True):
    """One file system; exactly one kind is given."""

    azure_blob_file_system_configuration: Maybe[AzureBlobFileSystemConfiguration] = UNSET
    nfs_mount_configuration: Maybe[NfsMountConfiguration] = UNSET
    cifs_mount_configuration: Maybe[CifsMountConfiguration] = UNSET
    azure_file_share_configuration: Maybe[AzureFileShareConfiguration] = UNSET
