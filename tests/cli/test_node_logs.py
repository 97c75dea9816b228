"""`node upload-logs`, with a node and a container that are real."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient, ContainerClient, generate_container_sas
from tests.cli.test_nouns import run, told
from tests.product.survival.house import until
from tests.service.house import pool_options

from batchite.testing import RunningService, running_service

LARGE = 9_000_000
"""Bytes that the start task prints: more than go in one request."""


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service() as running:
        credential = AzureNamedKeyCredential(running.batch_account, running.batch_key)
        line = f"/bin/sh -c 'head -c {LARGE} /dev/zero | tr \\\\0 x; echo oh >&2'"
        client = BatchClient(running.batch_url, credential)
        client.create_pool(pool_options("p", 1, start_task={"commandLine": line}))
        until(lambda: [*client.list_nodes("p", filter="state eq 'idle'")] != [], "the node is idle")
        yield running


@pytest.fixture(scope="module")
def container(service: RunningService) -> ContainerClient:
    made = BlobServiceClient.from_connection_string(service.variables["AZURE_STORAGE_CONNECTION_STRING"])
    return made.create_container("logs")


def signed(container: ContainerClient, permission: str) -> str:
    key = container.credential.account_key
    name, expiry = container.container_name, datetime.now(UTC) + timedelta(hours=1)
    token = generate_container_sas(container.account_name, name, key, permission=permission, expiry=expiry)
    return f"{container.url}?{token}"


def log(service: RunningService, node: str) -> str:
    return str(told(service, "node", "log", node)["log"])


def test_logs_are_uploaded_large_ones_too(service: RunningService, container: ContainerClient) -> None:
    (node,) = told(service, "node", "list")
    found = told(service, "node", "upload-logs", node["id"], signed(container, "cw"))
    directory = found["virtualDirectoryName"]
    assert directory.startswith(f"p/{node['id']}/")
    until(
        lambda: f"{directory}: {found['numberOfFilesUploaded']} files" in log(service, node["id"]), "it ends"
    )
    blobs = {blob.name.removeprefix(f"{directory}/"): blob.size for blob in container.list_blobs()}
    assert blobs.keys() == {"agent.log", "startup/stdout.txt", "startup/stderr.txt"}
    assert blobs["startup/stdout.txt"] == LARGE
    errors = container.download_blob(f"{directory}/startup/stderr.txt").readall()
    assert errors == b"oh\n"
    assert b"Tier: process" in container.download_blob(f"{directory}/agent.log").readall()


@pytest.mark.parametrize(
    ("permission", "place", "says"),
    [("cw", "nosuch", "The container does not exist"), ("r", "logs", "may not write there")],
)
def test_why_logs_are_not_there_is_told_by_the_agent(
    service: RunningService, container: ContainerClient, permission: str, place: str, says: str
) -> None:
    (node,) = told(service, "node", "list")
    other = container if place == "logs" else _client_of(service, place)
    output = run(service, "node", "upload-logs", node["id"], signed(other, permission), "--pool", "p").output
    directory = output.splitlines()[0]
    until(lambda: f"{place}/{directory}: " in log(service, node["id"]), "it ends")
    (line,) = [line for line in log(service, node["id"]).splitlines() if directory in line]
    assert says in line
    assert "sig=" not in log(service, node["id"])


def _client_of(service: RunningService, name: str) -> ContainerClient:
    made = BlobServiceClient.from_connection_string(service.variables["AZURE_STORAGE_CONNECTION_STRING"])
    return made.get_container_client(name)
