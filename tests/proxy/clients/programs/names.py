"""Asks both services with the SDKs of today, told nothing but names and keys of accounts, as in the cloud."""

import asyncio
import io
import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import aiohttp
import requests
from azure.batch import BatchClient
from azure.batch.aio import BatchClient as AsyncBatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobClient, BlobServiceClient, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobServiceClient

BATCH, BATCH_KEY = os.environ["BATCH_ACCOUNT"], os.environ["BATCH_KEY"]
STORAGE, STORAGE_KEY = os.environ["STORAGE_ACCOUNT"], os.environ["STORAGE_KEY"]
BATCH_URL = f"https://{BATCH}.westeurope.batch.azure.com"
STORAGE_URL = f"https://{STORAGE}.blob.core.windows.net"
LARGE = bytes(range(256)) * 40_000

seen: dict[str, object] = {}


def signed(blob: BlobClient) -> str:
    token = generate_blob_sas(
        STORAGE, blob.container_name, blob.blob_name, account_key=STORAGE_KEY, permission="r",
        expiry=datetime.now(UTC) + timedelta(hours=1), protocol="https",
    )  # fmt: skip
    return f"{blob.url}?{token}"


def one_at_a_time() -> str:
    """A URL of a blob for anybody to read."""
    with BatchClient(BATCH_URL, AzureNamedKeyCredential(BATCH, BATCH_KEY)) as batch:
        seen["images"] = any(batch.list_supported_images())
    with BlobServiceClient(STORAGE_URL, credential=STORAGE_KEY) as storage:
        container = storage.create_container("names")
        blob = container.upload_blob("large", io.BytesIO(LARGE))
        seen["sync"] = container.download_blob("large").readall() == LARGE
        copy = container.get_blob_client("copy")
        copy.upload_blob_from_url(signed(blob))
        seen["copied"] = copy.get_blob_properties().size == len(LARGE)
        seen["location"] = blob.url
        return signed(blob)


async def at_once(url: str) -> None:
    async with AsyncBatchClient(BATCH_URL, AzureNamedKeyCredential(BATCH, BATCH_KEY)) as batch:
        seen["no pools"] = [pool.id async for pool in batch.list_pools()]
    async with AsyncBlobServiceClient(STORAGE_URL, credential=STORAGE_KEY) as storage:
        blob = storage.get_blob_client("names", "large")
        seen["async"] = await (await blob.download_blob()).readall() == LARGE
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(url) as answer:
        seen["aiohttp"] = await answer.read() == LARGE


def without_an_sdk(url: str) -> None:
    seen["requests"] = requests.get(url, timeout=60).content == LARGE
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        seen["urllib"] = answer.read() == LARGE
    try:
        urllib.request.urlopen("https://example.org/")
    except urllib.error.URLError as error:
        seen["elsewhere"] = str(error.reason)


url = one_at_a_time()
asyncio.run(at_once(url))
without_an_sdk(url)
print(json.dumps(seen | {"url": url}))
