"""What is deleted does not stay in the files."""

from pathlib import Path

from azure.storage.blob.aio import BlobServiceClient
from tests.blobs.server import serving

TRACES = (b"secret-name", b"secret-content", b"secret-metadata")


def traces(directory: Path) -> set[bytes]:
    files = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    return {trace for trace in TRACES for data in files if trace in data}


async def test_nothing_of_a_deleted_blob_is_left(tmp_path: Path, empty_database: bytes) -> None:
    """Inline, over several pages of the database, and in a file."""
    (tmp_path / "blobs.db").write_bytes(empty_database)
    async with (
        serving(tmp_path) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        container = await client.create_container("things")
        await container.upload_blob("kept", b"data")
        for size in (1, 1000, 5000):
            await container.upload_blob(
                f"secret-name-{size}", b"secret-content" * size, metadata={"a": "secret-metadata"}
            )
        assert traces(tmp_path) == set(TRACES)
        async for blob in container.list_blobs("secret"):
            await container.delete_blob(blob.name)
        await server.content.settle()
    assert traces(tmp_path) == set()
