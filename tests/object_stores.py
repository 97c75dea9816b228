"""Object stores that run here: moto's S3, and a Blob service of ours as Azure's.

Each runs in a thread of its own, because what is tested may block the thread of the test.
"""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from azure.storage.blob import BlobServiceClient
from tests.blobs.server import KEY, NAME, Server, serving

DEADLINE = 30.0


@dataclass(frozen=True)
class RunningStore:
    scheme: str
    endpoint: str
    variables: dict[str, str]
    """what a program needs in its environment to use it"""

    def new_url(self) -> str:
        """A path in a bucket or container of its own."""
        bucket = f"bucket-{uuid.uuid4()}"
        with mock.patch.dict(os.environ, self.variables):
            if self.scheme == "s3":
                self._s3().create_bucket(Bucket=bucket)
            else:
                with self._azure() as client:
                    client.create_container(bucket)
        return f"{self.scheme}://{bucket}/some/place"

    def objects(self, url: str) -> dict[str, int]:
        """The sizes of everything in the bucket or container of `url`, by name."""
        bucket = url.split("/")[2]
        with mock.patch.dict(os.environ, self.variables):
            if self.scheme == "s3":
                pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=bucket)
                return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", ())}
            with self._azure() as client:
                return {blob.name: blob.size for blob in client.get_container_client(bucket).list_blobs()}

    def remove(self, url: str, name: str) -> None:
        """Behind the back of whoever uses it."""
        bucket = url.split("/")[2]
        with mock.patch.dict(os.environ, self.variables):
            if self.scheme == "s3":
                self._s3().delete_object(Bucket=bucket, Key=name)
            else:
                with self._azure() as client:
                    client.get_container_client(bucket).delete_blob(name)

    def unfinished(self, url: str) -> list[str]:
        """Uploads of several parts that nobody has completed or aborted, which S3 keeps, unlisted."""
        if self.scheme != "s3":
            return []
        with mock.patch.dict(os.environ, self.variables):
            found = self._s3().list_multipart_uploads(Bucket=url.split("/")[2])
        return [upload["Key"] for upload in found.get("Uploads", ())]

    def _s3(self) -> Any:
        import boto3

        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1")

    def _azure(self) -> BlobServiceClient:
        return BlobServiceClient(self.endpoint, credential=KEY)


@contextmanager
def s3(port: int = 0) -> Iterator[RunningStore]:
    from moto.server import ThreadedMotoServer  # takes half a second, and every run collects this module

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
    }
    try:
        yield RunningStore("s3", endpoint, variables)
    finally:
        server.stop()


@contextmanager
def azure(data_dir: Path) -> Iterator[RunningStore]:
    started: Future[tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        end = asyncio.Event()
        async with serving(data_dir) as server:
            started.set_result((server, asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    server, loop, end = started.result(DEADLINE)
    variables = {
        "AZURE_STORAGE_ACCOUNT_NAME": NAME,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_ENDPOINT": server.url,
    }
    try:
        yield RunningStore("az", server.url, variables)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(DEADLINE)
