"""Resource files: from blobs and containers into the working directory before the command starts."""

from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from azure.batch import models
from tests.service.house import House, make_task, pool_options, refused, retries, sh


def test_a_blob(house: House, job: str) -> None:
    container = house.container({"in put/data.txt": b"some data\n"})
    url = house.blob_with_sas(container, "in put/data.txt")
    files = [
        models.ResourceFile(http_url=url, file_path="data.txt"),
        models.ResourceFile(http_url=url, file_path="deep/er/copy.txt"),
    ]
    task = house.run(job, sh("cat data.txt deep/er/copy.txt; pwd"), resource_files=files)
    assert task.execution_info.exit_code == 0, house.text(job, task.id, "stderr.txt")
    content = house.text(job, task.id)
    assert content.startswith("some data\nsome data\n")
    assert content.endswith(f"/{job}/job-1/{task.id}/wd\n")
    assert [file.file_path for file in task.resource_files] == ["data.txt", "deep/er/copy.txt"]


def test_a_blob_by_the_clouds_address_of_our_account(house: House, job: str) -> None:
    """As programs write it that know an account by its name alone."""
    container = house.container({"data.txt": b"some data\n"})
    ours, clouds = house.blob.url.rstrip("/"), "https://devstoreaccount1.blob.core.windows.net"
    blob = house.blob_with_sas(container, "data.txt").replace(ours, clouds)
    whole = house.container_with_sas(container).replace(ours, clouds)
    files = [
        models.ResourceFile(http_url=blob, file_path="one"),
        models.ResourceFile(storage_container_url=whole, file_path="two"),
    ]
    assert house.output(job, sh("cat one two/data.txt"), resource_files=files) == "some data\nsome data\n"


def test_a_large_blob_comes_whole(house: House, job: str) -> None:
    size = 10_000_001
    container = house.container({"large": bytes(range(256)) * (size // 256) + b"!"})
    files = [models.ResourceFile(http_url=house.blob_with_sas(container, "large"), file_path="large")]
    task = house.run(job, sh("wc -c < large; tail -c 1 large"), resource_files=files)
    assert house.text(job, task.id) == f"{size // 256 * 256 + 1}\n!"


def test_a_container(house: House, job: str) -> None:
    blobs = {"a.txt": b"1", "dir/b.txt": b"2", "dir/sub/c d.txt": b"3", "other/d.txt": b"4"}
    url = house.container_with_sas(house.container(blobs))
    listing = sh("find . -type f | sort")
    whole = [models.ResourceFile(storage_container_url=url)]
    assert house.output(job, listing, resource_files=whole).splitlines() == [
        "./a.txt",
        "./dir/b.txt",
        "./dir/sub/c d.txt",
        "./other/d.txt",
    ]
    part = [models.ResourceFile(storage_container_url=url, blob_prefix="dir/", file_path="below/here")]
    assert house.output(job, listing, resource_files=part).splitlines() == [
        "./below/here/dir/b.txt",
        "./below/here/dir/sub/c d.txt",
    ]
    none = [models.ResourceFile(storage_container_url=url, blob_prefix="nothing-like-this")]
    assert house.output(job, listing, resource_files=none) == ""


def test_a_container_of_the_accounts_auto_storage(house: House) -> None:
    """For a start task and a task; what is shown and stored has no signature."""
    container = house.container({"dir/data.txt": b"some data\n", "other": b"1"})
    files = [models.ResourceFile(auto_storage_container_name=container, blob_prefix="dir/", file_path="in")]
    start = models.BatchStartTask(
        command_line=sh("cp in/dir/data.txt $AZ_BATCH_NODE_SHARED_DIR"), resource_files=files
    )
    job = house.add_job(house.ready_pool(1, start_task=start))
    task = house.run(job, sh("cat in/dir/data.txt $AZ_BATCH_NODE_SHARED_DIR/data.txt"), resource_files=files)
    assert house.text(job, task.id) == "some data\nsome data\n"
    (shown,) = task.resource_files
    assert shown.auto_storage_container_name == container
    assert shown.storage_container_url is None
    for database in house.data_dir.glob("batch*"):
        assert b"storageContainerUrl" not in database.read_bytes()


def test_a_container_of_auto_storage_that_is_not_there(house: House, job: str) -> None:
    files = [models.ResourceFile(auto_storage_container_name="nothing-of-this-name")]
    failure = house.run(job, "true", resource_files=files).execution_info.failure_info
    assert (failure.category, failure.code) == ("usererror", "ResourceContainerNotFound")
    assert "sig=" not in str(failure.as_dict())


def test_auto_storage_takes_a_linked_account(house: House) -> None:
    files = [models.ResourceFile(auto_storage_container_name="container")]
    info = models.BatchPoolInfo(pool_id="nowhere")
    house.small.create_job(models.BatchJobCreateOptions(id="no-storage", pool_info=info))
    with refused(409, "StorageAccountNotFound"):
        house.small.create_task("no-storage", make_task("true", resource_files=files))
    start = models.BatchStartTask(command_line="true", resource_files=files)
    with refused(409, "StorageAccountNotFound"):
        house.small.create_pool(pool_options("no-storage", 0, start_task=start))


def test_the_mode_of_a_file(house: House, job: str) -> None:
    container = house.container({"tool": b"#!/bin/sh\necho it runs\n"})
    url = house.blob_with_sas(container, "tool")
    files = [
        models.ResourceFile(http_url=url, file_path="standard"),
        models.ResourceFile(http_url=url, file_path="private", file_mode="0640"),
        models.ResourceFile(http_url=url, file_path="tool", file_mode="755"),
    ]
    command = sh("stat -c %a standard private tool; ./tool")
    assert house.output(job, command, resource_files=files).split("\n") == [
        "770",
        "640",
        "755",
        "it runs",
        "",
    ]


@pytest.mark.parametrize("path", ["../escape", "a/../../escape", "/tmp/escape", "a/.."])
def test_a_path_that_leaves_the_working_directory(house: House, job: str, path: str) -> None:
    url = house.blob_with_sas(house.container({"blob": b"content"}), "blob")
    with refused(400, "InvalidPropertyValue"):
        house.add_task(job, "true", resource_files=[models.ResourceFile(http_url=url, file_path=path)])
    assert list(house.batch.list_tasks(job)) == []


def test_a_blob_whose_name_leads_out_of_the_working_directory(house: House, job: str) -> None:
    """The official clients shorten such names before they send them; others need not."""
    container = house.container({"harmless": b"content"})
    put_raw(house.container_with_sas(container, "w"), "x/..%2F..%2F../escape", b"content")
    url = house.container_with_sas(container)
    task = house.run(job, sh("echo ran"), resource_files=[models.ResourceFile(storage_container_url=url)])
    failure = task.execution_info.failure_info
    assert (failure.category, failure.code) == ("usererror", "ResourceFileCreateFailed")
    assert "x/../../../escape" in failure.message
    assert not list(house.data_dir.glob("nodes/**/escape"))


def put_raw(container_url: str, name: str, content: bytes) -> None:
    """Put a blob at exactly this address."""
    parts = urlsplit(container_url)
    connection = HTTPConnection(parts.netloc, timeout=60)
    with closing(connection):
        address = f"{parts.path}/{name}?{parts.query}"
        connection.request("PUT", address, content, {"x-ms-blob-type": "BlockBlob"})
        assert connection.getresponse().status == 201


def test_what_cannot_be_fetched(house: House, job: str) -> None:
    """The command does not run, and such a failure is never retried."""
    container = house.container({"there": b"content"})
    url = house.blob_with_sas(container, "there")
    missing = models.ResourceFile(http_url=house.blob_with_sas(container, "missing"), file_path="file")
    forged = models.ResourceFile(http_url=url.replace("sig=", "sig=AAAA"), file_path="file")
    no_such = models.ResourceFile(storage_container_url=house.container_with_sas("no-such-container"))
    unlisted = models.ResourceFile(storage_container_url=house.container_with_sas(container, "r"))
    for code, wrong in {
        "BlobNotFound": missing,
        "BlobAccessDenied": forged,
        "ResourceContainerNotFound": no_such,
        "ResourceContainerAccessDenied": unlisted,
    }.items():
        task = house.run(job, sh("echo ran"), resource_files=[wrong], constraints=retries(3))
        info = task.execution_info
        assert (info.exit_code, info.result, info.retry_count) == (None, "failure", 0)
        assert (info.failure_info.category, info.failure_info.code) == ("usererror", code)
        assert info.start_time <= info.end_time
        assert "sig=" not in str(info.failure_info.as_dict())
    counts = house.batch.get_job_task_counts(job).task_counts
    assert (counts.completed, counts.failed, counts.running) == (4, 4, 0)
