"""Both services, and a script for nodes and tasks to fetch."""

import datetime

import pytest
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from tests.batch.clients.tour import SCRIPT

from batchite.testing import RunningService
from batchite.testing.fixtures import batchite_service as batchite_service


@pytest.fixture(scope="session")
def script_url(batchite_service: RunningService) -> str:
    """Of the tour's script, with the right to read it."""
    with BlobServiceClient.from_connection_string(batchite_service.storage_connection_string) as storage:
        storage.create_container("tour")
        blob = storage.get_blob_client("tour", "script.sh")
        blob.upload_blob(SCRIPT)
        token = generate_blob_sas(
            batchite_service.storage_account,
            "tour",
            "script.sh",
            account_key=batchite_service.storage_key,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
        )
        return f"{blob.url}?{token}"
