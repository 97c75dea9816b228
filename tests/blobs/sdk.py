"""What tests do with the SDK again and again."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobClient
from tests.blobs.server import KEY


def content(size: int) -> bytes:
    """So many bytes, others for each size."""
    return (hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1))[:size]


async def read(blob: BlobClient) -> bytes:
    return bytes(await (await blob.download_blob()).readall())


def signed(blob: BlobClient, *, permission: str = "r") -> str:
    """The blob's URL, with a signature that permits this."""
    token = generate_blob_sas(
        blob.credential.account_name,
        blob.container_name,
        blob.blob_name,
        account_key=KEY,
        permission=BlobSasPermissions.from_string(permission),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{blob.url}?{token}"


def code(refused: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int, str]:
    """With the status."""
    name = getattr(refused.value, "error_code", None)
    return refused.value.status_code or 0, str(getattr(name, "value", name))
