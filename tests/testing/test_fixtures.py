"""The fixtures that other projects import, used as they would."""

from azure.storage.blob import BlobServiceClient

from batchite.testing import RunningService
from batchite.testing.fixtures import blob_service as blob_service


def test_the_blob_service_runs_alone(blob_service: RunningService) -> None:
    assert {name.rsplit("_", 1)[0] for name in blob_service.variables} == {
        "AZURE_STORAGE",
        "AZURE_STORAGE_CONNECTION",
    }
    with BlobServiceClient.from_connection_string(blob_service.storage_connection_string) as client:
        container = client.create_container("things")
        container.upload_blob("one", b"content")
        assert container.download_blob("one").readall() == b"content"
    assert not any(line.startswith("Batch ") for line in blob_service.lines)
