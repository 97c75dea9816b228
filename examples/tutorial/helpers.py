"""What a program that uses Azure Batch needs again and again."""

from __future__ import annotations

import datetime
import shlex
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from azure.batch import BatchClient, models
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

SAS_LIFETIME = datetime.timedelta(hours=2)
SHORTEST_POLL = 0.1
LONGEST_POLL = 5.0


def select_image(
    client: BatchClient, publisher: str, offer_start: str, sku_start: str
) -> tuple[str, models.BatchVmImageReference]:
    """The node agent SKU and the newest verified image that Batch supports for these names."""
    found = [
        (image.image_reference.sku, image.node_agent_sku_id, image.image_reference)
        for image in client.list_supported_images(filter="verificationType eq 'verified'")
        if image.image_reference.publisher.lower() == publisher.lower()
        and image.image_reference.offer.startswith(offer_start)
        and image.image_reference.sku.startswith(sku_start)
    ]
    if not found:
        raise LookupError(f"Batch supports no image of {publisher} {offer_start}* {sku_start}*")
    _, agent_sku, reference = max(found, key=lambda entry: (entry[0], entry[1]))
    return agent_sku, reference


def wrap_in_shell(commands: Iterable[str]) -> str:
    """One command line for several commands of a shell; the first that fails ends it.

    Batch itself starts no shell, so variables and operators such as && need this.
    """
    return f"/bin/bash -c {shlex.quote('set -e; set -o pipefail; ' + '; '.join(commands) + '; wait')}"


def print_batch_error(error: HttpResponseError) -> None:
    """Print the code, the message and the details with which Batch refused a request."""
    print("-------------------------------------------", file=sys.stderr)
    print(f"Batch refused the request with status {error.status_code}:", file=sys.stderr)
    model = getattr(error, "model", None)
    if model is None or model.message is None:
        print(error.message, file=sys.stderr)
    else:
        print(f"{model.code}: {model.message.value}", file=sys.stderr)
        for detail in model.error_values or []:
            print(f"  {detail.key}: {detail.value}", file=sys.stderr)
    print("-------------------------------------------", file=sys.stderr)


def upload_file(client: BlobServiceClient, container: str, path: Path) -> models.ResourceFile:
    """Upload a file, and make a resource file of its URL with a SAS that allows reading it."""
    print(f"Uploading file {path} to container [{container}]...")
    blob = client.get_blob_client(container, path.name)
    with path.open("rb") as data:
        blob.upload_blob(data, overwrite=True)
    sas = generate_blob_sas(
        account_name=client.credential.account_name,
        container_name=container,
        blob_name=path.name,
        account_key=client.credential.account_key,
        permission=BlobSasPermissions(read=True),
        expiry=datetime.datetime.now(datetime.UTC) + SAS_LIFETIME,
    )
    return models.ResourceFile(http_url=f"{blob.url}?{sas}", file_path=path.name)


def container_sas(client: BlobServiceClient, container: str) -> str:
    """A SAS that allows writing blobs into the container, and nothing else."""
    return generate_container_sas(
        account_name=client.credential.account_name,
        container_name=container,
        account_key=client.credential.account_key,
        permission=ContainerSasPermissions(write=True, create=True),
        expiry=datetime.datetime.now(datetime.UTC) + SAS_LIFETIME,
    )


def wait_for_tasks(
    client: BatchClient,
    job_id: str,
    timeout: datetime.timedelta,
    show: Callable[[int, int], None] = lambda completed, total: None,
) -> None:
    """Return when every task of the job has the state completed. Raises TimeoutError.

    `show` is called after every look with the number of completed tasks and of all tasks.
    """

    def look() -> bool:
        states = [task.state for task in client.list_tasks(job_id, select=["id", "state"])]
        completed = sum(state == models.BatchTaskState.COMPLETED for state in states)
        show(completed, len(states))
        return completed == len(states)

    _poll(look, timeout, f"not all tasks of job {job_id} reached the 'Completed' state within {timeout}")


def wait_for_nodes(
    client: BatchClient, pool_id: str, states: Iterable[models.BatchNodeState], timeout: datetime.timedelta
) -> list[models.BatchNode]:
    """The pool's nodes, once it has as many as it should and all are in one of `states`.

    Raises RuntimeError if the pool could not be resized, TimeoutError if it takes too long.
    """
    wanted = frozenset(states)
    nodes: list[models.BatchNode] = []

    def look() -> bool:
        pool = client.get_pool(pool_id)
        if pool.resize_errors:
            raise RuntimeError("; ".join(f"{error.code}: {error.message}" for error in pool.resize_errors))
        nodes[:] = client.list_nodes(pool_id)
        return len(nodes) >= (pool.target_dedicated_nodes or 0) and all(
            node.state in wanted for node in nodes
        )

    _poll(look, timeout, f"the nodes of pool {pool_id} were not ready within {timeout}")
    return nodes


def _poll(look: Callable[[], bool], timeout: datetime.timedelta, failure: str) -> None:
    """Look often at first, so that short work is seen at once, and less often later."""
    deadline = time.monotonic() + timeout.total_seconds()
    pause = SHORTEST_POLL
    while not look():
        if time.monotonic() + pause > deadline:
            raise TimeoutError(failure)
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST_POLL)


def read_task_file(client: BatchClient, job_id: str, task_id: str, name: str) -> str:
    """The text of a file of a task, such as stdout.txt."""
    chunks = client.download_task_file(job_id, task_id, name)
    return b"".join(chunks).decode("utf-8", errors="replace")


def ask_yes_no(question: str) -> bool:
    """Ask a person; Enter means yes, and so does the absence of a terminal."""
    if not sys.stdin.isatty():
        print(f"{question} [Y/n] yes (no terminal to ask on)")
        return True
    while True:
        answer = input(f"{question} [Y/n] ").strip().lower()
        if answer in ("", "y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        print("Please answer y or n.")
