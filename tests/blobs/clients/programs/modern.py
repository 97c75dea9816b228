"""The tour with azure-storage-blob 12, of any release: `modern.py CONNECTION_STRING CONTAINER`."""

import hashlib
import json
import sys
from datetime import datetime, timedelta

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccountSasPermissions,
    BlobBlock,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    ResourceTypes,
    generate_account_sas,
)

LARGE = bytes(range(251)) * 20_000
MIB = 1024 * 1024


def status_of(call):
    try:
        call()
    except HttpResponseError as error:
        return error.status_code
    return "no error"


def blobs(container):
    seen = {}
    small = container.get_blob_client("dir/small")
    settings = ContentSettings(content_type="text/x-tour", cache_control="no-cache")
    small.upload_blob(b"hello", metadata={"Category": "rocks"}, content_settings=settings)
    seen["small"] = small.download_blob().readall().decode()
    properties = small.get_blob_properties()
    seen["metadata"] = properties.metadata
    seen["content type"] = properties.content_settings.content_type
    large = container.get_blob_client("dir/large")
    large.upload_blob(LARGE, max_concurrency=2)
    seen["large"] = hashlib.sha256(large.download_blob(max_concurrency=2).readall()).hexdigest()
    seen["range"] = large.download_blob(offset=1000, length=10).readall().hex()
    staged = container.get_blob_client("staged")
    for block, data in (("a", b"one "), ("b", b"two ")):
        staged.stage_block(block, data, validate_content=True)
    seen["staged"] = len(staged.get_block_list("all")[1])
    staged.commit_block_list([BlobBlock("b"), BlobBlock("a"), BlobBlock("b")])
    seen["committed"] = staged.download_blob().readall().decode()
    seen["missing"] = status_of(container.get_blob_client("nothing").get_blob_properties)
    seen["exists"] = status_of(lambda: small.upload_blob(b"again"))
    return seen


def listing(container):
    listed = list(container.list_blobs(name_starts_with="dir/", include=["metadata"], results_per_page=1))
    walked = container.walk_blobs(delimiter="/")
    return {
        "names": [blob.name for blob in listed],
        "listed metadata": listed[1].metadata,
        "walked": [item.name for item in walked],
    }


def kept(container):
    seen = {}
    blob = container.get_blob_client("kept")
    blob.upload_blob(b"before")
    snapshot = blob.create_snapshot()
    blob.upload_blob(b"after", overwrite=True)
    old = container.get_blob_client("kept", snapshot=snapshot["snapshot"])
    seen["snapshot"] = old.download_blob().readall().decode()
    seen["snapshots present"] = status_of(blob.delete_blob)
    lease = blob.acquire_lease(15)
    seen["leased"] = status_of(lambda: blob.upload_blob(b"x", overwrite=True))
    blob.upload_blob(b"with lease", overwrite=True, lease=lease)
    lease.release()
    blob.delete_blob(delete_snapshots="include")
    seen["gone"] = status_of(old.get_blob_properties)
    return seen


def kinds(container):
    seen = {}
    log = container.get_blob_client("log")
    log.create_append_blob()
    for line in (b"one ", b"two "):
        log.append_block(line)
    seen["appended"] = log.download_blob().readall().decode()
    disk = container.get_blob_client("disk")
    disk.create_page_blob(4096)
    disk.upload_page(b"p" * 1024, offset=512, length=1024)
    disk.clear_page(offset=512, length=512)
    seen["pages"] = [[page["start"], page["end"]] for page in disk.get_page_ranges()[0]]
    seen["page content"] = hashlib.sha256(disk.download_blob().readall()).hexdigest()
    copy = container.get_blob_client("copy")
    started = copy.start_copy_from_url(log.url)
    seen["copied"] = [started["copy_status"], copy.download_blob().readall().decode()]
    return seen


def shared(service, container):
    token = generate_account_sas(
        service.account_name,
        service.credential.account_key,
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True, list=True),
        datetime.utcnow() + timedelta(hours=1),
    )
    bearer = ContainerClient.from_container_url(f"{container.url}?{token}")
    return {
        "shared": bearer.download_blob("dir/small").readall().decode(),
        "not shared": status_of(lambda: bearer.upload_blob("new", b"x")),
    }


def main(connection_string, name):
    small_pieces = {"max_single_put_size": MIB, "max_block_size": MIB, "max_single_get_size": MIB}
    service = BlobServiceClient.from_connection_string(connection_string, retry_total=0, **small_pieces)
    container = service.create_container(name, metadata={"Owner": "tour"})
    seen = {"container metadata": container.get_container_properties().metadata}
    seen["container exists"] = status_of(lambda: service.create_container(name))
    seen["containers"] = [found.name for found in service.list_containers(name_starts_with=name)]
    for part in (blobs(container), listing(container), kept(container), kinds(container)):
        seen.update(part)
    seen.update(shared(service, container))
    container.delete_blobs("dir/small", "dir/large")
    seen["left"] = [blob.name for blob in container.list_blobs()]
    container.delete_container()
    seen["container gone"] = status_of(container.get_container_properties)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
