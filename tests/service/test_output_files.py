"""Output files: from the node to containers of our own Blob service, before the task is completed."""

from __future__ import annotations

import os

from azure.batch import models
from tests.service.house import House, retries, sh


def output_file(
    url: str, pattern: str, path: str | None = None, condition: str = "taskcompletion", **headers: str
) -> models.OutputFile:
    named = [models.OutputFileUploadHeader(name=name, value=value) for name, value in headers.items()]
    container = models.OutputFileBlobContainerDestination(
        container_url=url, path=path, upload_headers=named or None
    )
    return models.OutputFile(
        file_pattern=pattern,
        destination=models.OutputFileDestination(container=container),
        upload_options=models.OutputFileUploadConfiguration(upload_condition=condition),
    )


def blobs(house: House, container: str) -> dict[str, bytes]:
    client = house.blob.get_container_client(container)
    return {one.name: client.download_blob(one.name).readall() for one in client.list_blobs()}


def test_output_files_are_there_when_the_task_is_completed(house: House, job: str) -> None:
    container = house.container({})
    ours, clouds = house.blob.url.rstrip("/"), "https://devstoreaccount1.blob.core.windows.net"
    url = house.container_with_sas(container, "cw")
    script = "mkdir -p out/deep; echo 1 > out/a.csv; echo 2 > out/deep/b.csv; echo printed"
    task = house.run(
        job,
        sh(script),
        output_files=[
            output_file(url, "out/**/*.csv", "tables", **{"x-ms-blob-content-type": "text/csv"}),
            output_file(url.replace(ours, clouds), "../std*.txt", "$AZ_BATCH_TASK_ID"),
            output_file(url, "none*"),
            output_file(url, "out/a.csv", "failed", "taskfailure"),
        ],
    )
    assert (task.execution_info.exit_code, task.execution_info.failure_info) == (0, None)
    assert blobs(house, container) == {
        "tables/a.csv": b"1\n",
        "tables/deep/b.csv": b"2\n",
        f"{task.id}/stdout.txt": b"printed\n",
        f"{task.id}/stderr.txt": b"",
    }
    properties = house.blob.get_blob_client(container, "tables/a.csv").get_blob_properties()
    assert properties.content_settings.content_type == "text/csv"
    assert "out/a.csv" not in house.text(job, task.id, "fileuploaderr.txt")
    assert "No file matches none*" in house.text(job, task.id, "fileuploaderr.txt")
    assert "as tables/a.csv" in house.text(job, task.id, "fileuploadout.txt")
    assert task.output_files[0].destination.container.path == "tables"


def test_a_container_that_does_not_exist_or_may_not_be_written(house: House, job: str) -> None:
    failing = {
        house.container_with_sas("no-such-container", "cw"): "FileUploadContainerNotFound",
        house.container_with_sas(house.container({}), "rl"): "FileUploadAccessDenied",
    }
    for url, code in failing.items():
        task = house.run(job, sh("echo x > f"), output_files=[output_file(url, "f")], constraints=retries(3))
        info = task.execution_info
        assert (info.exit_code, info.result, info.retry_count) == (0, "failure", 0)
        assert info.failure_info.code == code


def test_the_last_try_uploads_a_large_file(house: House, job: str) -> None:
    container = house.container({})
    url = house.container_with_sas(container, "cw")
    script = "echo x >> tries; head -c 9000001 /dev/zero > large; exit 3"
    files = [output_file(url, "tries", "t"), output_file(url, "large", condition="taskfailure")]
    task = house.run(job, sh(script), output_files=files, constraints=retries(2))
    assert (task.execution_info.exit_code, task.execution_info.retry_count) == (3, 2)
    assert blobs(house, container) == {"t": b"x\n" * 3, "large": bytes(9_000_001)}
    assert os.path.basename(task.node_info.task_root_directory) == task.id
