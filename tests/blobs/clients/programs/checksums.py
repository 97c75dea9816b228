"""Everything validated by CRC64, as the newest SDK can: `checksums.py CONNECTION_STRING CONTAINER`."""

import hashlib
import io
import json
import sys

from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobBlock, BlobServiceClient, BlobType

LARGE = bytes(range(251)) * 20_000
MIB = 1024 * 1024


class Counting(RequestsTransport):
    """Knows how many requests sent a structured body, and how many asked for one."""

    sent = asked = 0

    def send(self, request, **options):
        if "x-ms-structured-body" in request.headers:
            self.sent += request.method == "PUT"
            self.asked += request.method == "GET"
        return super().send(request, **options)


def digest(blob, **how):
    return hashlib.sha256(blob.download_blob(validate_content="crc64", **how).readall()).hexdigest()


def main(connection_string, name):
    transport = Counting()
    client = BlobServiceClient.from_connection_string(
        connection_string, max_single_put_size=MIB, max_block_size=MIB, max_single_get_size=MIB,
        max_chunk_get_size=MIB, retry_total=0, transport=transport,
    )  # fmt: skip
    container = client.create_container(name)
    seen = {}
    for what, data in (("empty", b""), ("small", LARGE[:1000]), ("large", LARGE)):
        blob = container.get_blob_client(what)
        blob.upload_blob(io.BytesIO(data), validate_content="crc64")
        seen[what] = digest(blob) == hashlib.sha256(data).hexdigest()
    seen["range"] = container.download_blob(
        "large", offset=1000, length=10, validate_content="crc64"
    ).readall().hex()  # fmt: skip
    staged = container.get_blob_client("staged")
    staged.stage_block("a", io.BytesIO(LARGE), validate_content="crc64")
    staged.stage_block("b", b"plain bytes", validate_content="crc64")
    staged.commit_block_list([BlobBlock("a"), BlobBlock("b")], validate_content="crc64")
    seen["staged"] = digest(staged) == hashlib.sha256(LARGE + b"plain bytes").hexdigest()
    log = container.get_blob_client("log")
    log.upload_blob(io.BytesIO(LARGE), BlobType.APPENDBLOB, validate_content="crc64")
    log.append_block(io.BytesIO(LARGE), length=len(LARGE), validate_content="crc64")
    seen["appended"] = digest(log) == hashlib.sha256(LARGE + LARGE).hexdigest()
    disk = container.get_blob_client("disk")
    disk.upload_blob(io.BytesIO(LARGE[: 2 * MIB]), BlobType.PAGEBLOB, validate_content="crc64")
    seen["pages"] = digest(disk) == hashlib.sha256(LARGE[: 2 * MIB]).hexdigest()
    seen["structured"] = transport.sent > 1 and transport.asked > 6
    container.delete_container()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
