"""What tasks leave behind as output files, in a container of the service that is under test."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from azure.batch import models as m
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas
from tests.product.survival.insisting import insist

from batchite.testing import RunningService

CONTAINER = "results"
FILE = "result.bin"
BYTES = 5_000_000
"""More than a block, so that a kill may find an upload half way."""


class Results:
    """By the names of tasks."""

    def __init__(self, service: RunningService) -> None:
        blob = BlobServiceClient.from_connection_string(service.storage_connection_string, retry_total=0)
        self._container = blob.create_container(CONTAINER)
        sas = generate_container_sas(
            service.storage_account,
            CONTAINER,
            account_key=service.storage_key,
            permission=ContainerSasPermissions(create=True, write=True),
            expiry=datetime.now(UTC) + timedelta(days=1),
        )
        self._url = f"{self._container.url}?{sas}"

    def output_file(self, task: str) -> m.OutputFile:
        container = m.OutputFileBlobContainerDestination(container_url=self._url, path=task)
        return m.OutputFile(
            file_pattern=FILE,
            destination=m.OutputFileDestination(container=container),
            upload_options=m.OutputFileUploadConfiguration(upload_condition="taskcompletion"),
        )

    def check(self, task: str, code: int, stopping: threading.Event) -> None:
        """The file is there, whole and of this task."""
        blob = self._container.get_blob_client(task)
        found = insist(blob.get_blob_properties, stopping)
        beginning = f"{task} {code}\n".encode()
        assert found.size == BYTES + len(beginning), f"{task}: {found.size} bytes"
        told = insist(lambda: blob.download_blob(0, len(beginning)).readall(), stopping)
        assert told == beginning
