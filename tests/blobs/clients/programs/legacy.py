"""The tour with azure-storage-blob 2.1 or azure-storage 0.33: `legacy.py CONNECTION_STRING CONTAINER`."""

import hashlib
import json
import sys
from datetime import datetime, timedelta

from azure.common import AzureHttpError
from azure.storage.blob import (
    AppendBlobService,
    BlobBlock,
    BlockBlobService,
    ContainerPermissions,
    ContentSettings,
    Include,
    PageBlobService,
)
from azure.storage.blob.models import DeleteSnapshot

LARGE = bytes(range(251)) * 20_000
MIB = 1024 * 1024


def status_of(call):
    try:
        call()
    except AzureHttpError as error:
        return error.status_code
    return "no error"


def text(service, container, name, **options):
    return service.get_blob_to_bytes(container, name, **options).content.decode()


def blobs(service, container):
    seen = {}
    settings = ContentSettings(content_type="text/x-tour", cache_control="no-cache")
    service.create_blob_from_bytes(
        container, "dir/small", b"hello", metadata={"Category": "rocks"}, content_settings=settings
    )
    seen["small"] = text(service, container, "dir/small")
    properties = service.get_blob_properties(container, "dir/small")
    seen["metadata"] = properties.metadata
    seen["content type"] = properties.properties.content_settings.content_type
    service.create_blob_from_bytes(container, "dir/large", LARGE, max_connections=2)
    # One connection, for 0.33 forgets the path of the endpoint when it downloads by several.
    large = service.get_blob_to_bytes(container, "dir/large", max_connections=1).content
    seen["large"] = hashlib.sha256(large).hexdigest()
    part = service.get_blob_to_bytes(container, "dir/large", start_range=1000, end_range=1009)
    seen["range"] = part.content.hex()
    for block, data in (("a", b"one "), ("b", b"two ")):
        service.put_block(container, "staged", data, block, validate_content=True)
    seen["staged"] = len(
        service.get_block_list(container, "staged", block_list_type="all").uncommitted_blocks
    )
    service.put_block_list(container, "staged", [BlobBlock("b"), BlobBlock("a"), BlobBlock("b")])
    seen["committed"] = text(service, container, "staged")
    seen["missing"] = status_of(lambda: service.get_blob_properties(container, "nothing"))
    seen["exists"] = status_of(
        lambda: service.create_blob_from_bytes(container, "dir/small", b"again", if_none_match="*")
    )
    return seen


def listing(service, container):
    first = service.list_blobs(container, prefix="dir/", include=Include.METADATA, num_results=1)
    rest = service.list_blobs(container, prefix="dir/", include=Include.METADATA, marker=first.next_marker)
    listed = [*first, *rest]
    return {
        "names": [blob.name for blob in listed],
        "listed metadata": listed[1].metadata,
        "walked": sorted(item.name for item in service.list_blobs(container, delimiter="/")),
    }


def kept(service, container):
    seen = {}
    service.create_blob_from_bytes(container, "kept", b"before")
    snapshot = service.snapshot_blob(container, "kept").snapshot
    service.create_blob_from_bytes(container, "kept", b"after")
    seen["snapshot"] = text(service, container, "kept", snapshot=snapshot)
    seen["snapshots present"] = status_of(lambda: service.delete_blob(container, "kept"))
    lease = service.acquire_blob_lease(container, "kept", 15)
    seen["leased"] = status_of(lambda: service.create_blob_from_bytes(container, "kept", b"x"))
    service.create_blob_from_bytes(container, "kept", b"with lease", lease_id=lease)
    service.release_blob_lease(container, "kept", lease)
    service.delete_blob(container, "kept", delete_snapshots=DeleteSnapshot.Include)
    seen["gone"] = status_of(lambda: service.get_blob_properties(container, "kept", snapshot=snapshot))
    return seen


def kinds(service, container, connection_string):
    seen = {}
    logs = AppendBlobService(connection_string=connection_string)
    logs.create_blob(container, "log")
    for line in (b"one ", b"two "):
        logs.append_block(container, "log", line)
    seen["appended"] = text(logs, container, "log")
    disks = PageBlobService(connection_string=connection_string)
    disks.create_blob(container, "disk", 4096)
    disks.update_page(container, "disk", b"p" * 1024, 512, 1535)
    disks.clear_page(container, "disk", 512, 1023)
    seen["pages"] = [[page.start, page.end] for page in disks.get_page_ranges(container, "disk")]
    seen["page content"] = hashlib.sha256(disks.get_blob_to_bytes(container, "disk").content).hexdigest()
    started = logs.copy_blob(container, "copy", service.make_blob_url(container, "log"))
    seen["copied"] = [started.status, text(logs, container, "copy")]
    return seen


def shared(service, container, endpoint):
    token = service.generate_container_shared_access_signature(
        container, ContainerPermissions(read=True, list=True), datetime.utcnow() + timedelta(hours=1)
    )
    text_of_sas = f"BlobEndpoint={endpoint};SharedAccessSignature={token}"
    bearer = BlockBlobService(connection_string=text_of_sas)
    return {
        "shared": text(bearer, container, "dir/small"),
        "not shared": status_of(lambda: bearer.create_blob_from_bytes(container, "new", b"x")),
    }


def main(connection_string, name):
    endpoint = dict(part.split("=", 1) for part in connection_string.split(";") if part)["BlobEndpoint"]
    service = BlockBlobService(connection_string=connection_string)
    service.MAX_SINGLE_PUT_SIZE = service.MAX_BLOCK_SIZE = service.MAX_SINGLE_GET_SIZE = MIB
    service.create_container(name, metadata={"Owner": "tour"})
    seen = {"container metadata": service.get_container_metadata(name)}
    seen["container exists"] = status_of(lambda: service.create_container(name, fail_on_exist=True))
    seen["containers"] = [found.name for found in service.list_containers(prefix=name)]
    for part in (blobs(service, name), listing(service, name), kept(service, name)):
        seen.update(part)
    seen.update(kinds(service, name, connection_string))
    seen.update(shared(service, name, endpoint))
    for blob in ("dir/small", "dir/large"):
        service.delete_blob(name, blob)
    seen["left"] = [blob.name for blob in service.list_blobs(name)]
    service.delete_container(name)
    seen["container gone"] = status_of(lambda: service.get_container_properties(name))
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
