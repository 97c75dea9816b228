"""`batchite token` and `batchite blob keep`, beside a Blob service that speaks HTTPS; and its websites."""

import http.client
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.blob import (
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    StaticWebsite,
    generate_blob_sas,
)

from batchite.cli.exits import NOT_RUNNING, USAGE
from batchite.testing.service import RunningService, running_service

HOUR = timedelta(hours=1)


def batchite(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchite", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    data_dir = tmp_path_factory.mktemp("users") / "data"
    assert batchite("tls", "init", "--data-dir", str(data_dir)).returncode == 0
    with running_service(data_dir, arguments=["blob", "--tls"]) as service:
        yield service


def trust(service: RunningService) -> str:
    return service.variables["SSL_CERT_FILE"]


class Credential:
    """A user of the SDK who has a token already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, int((datetime.now(UTC) + HOUR).timestamp()))


def user(service: RunningService, *arguments: str) -> BlobServiceClient:
    made = batchite("token", "--data-dir", str(service.data_dir), *arguments)
    assert made.returncode == 0, made.stderr
    credential = Credential(made.stdout.strip())
    return BlobServiceClient(service.blob_url, credential, connection_verify=trust(service), retry_total=0)


def keep(service: RunningService, *arguments: str) -> subprocess.CompletedProcess[str]:
    return batchite("blob", "keep", "--data-dir", str(service.data_dir), *arguments)


def test_a_user_works_by_a_token(service: RunningService) -> None:
    with user(service) as client, user(service, "--role", "reader") as reader:
        client.create_container("by-user").upload_blob("one", b"data")
        assert reader.get_blob_client("by-user", "one").download_blob().readall() == b"data"
        with pytest.raises(HttpResponseError) as refused:
            reader.get_container_client("by-user").delete_container()
        assert refused.value.status_code == 403
        key = reader.get_user_delegation_key(datetime.now(UTC), datetime.now(UTC) + HOUR)
    token = generate_blob_sas(
        "devstoreaccount1",
        "by-user",
        "one",
        user_delegation_key=key,
        permission=BlobSasPermissions(read=True),
        expiry=datetime.now(UTC) + HOUR,
    )
    url = f"{service.blob_url}/by-user/one?{token}"
    with BlobClient.from_blob_url(url, connection_verify=trust(service), retry_total=0) as blob:
        assert blob.download_blob().readall() == b"data"


def test_a_token_that_nobody_signed_is_no_user(service: RunningService) -> None:
    with (
        BlobServiceClient(
            service.blob_url, Credential("a.b.c"), connection_verify=trust(service), retry_total=0
        ) as client,
        pytest.raises(ClientAuthenticationError) as refused,
    ):
        client.get_service_properties()
    assert refused.value.status_code == 401


def test_what_is_kept_is_told_and_done(service: RunningService) -> None:
    assert keep(service).stdout.splitlines() == [
        "old versions        not kept",
        "deleted blobs       gone at once",
        "deleted containers  gone at once",
    ]
    changed = keep(service, "--versions", "--deleted-blobs", "3")
    assert changed.stdout.splitlines()[:2] == [
        "old versions        kept",
        "deleted blobs       kept for 3 days",
    ]
    with user(service) as client:
        first = client.create_container("kept").upload_blob("one", b"first")
        second = first.upload_blob(b"second", overwrite=True)
        assert second["version_id"]
    assert keep(service, "--no-versions", "--deleted-blobs", "0").stdout == keep(service).stdout
    assert "not kept" in keep(service).stdout


def test_a_website_is_at_the_web_address_of_its_account(service: RunningService) -> None:
    with user(service, "--role", "owner") as client:
        client.set_service_properties(static_website=StaticWebsite(enabled=True, index_document="index.html"))
        client.get_blob_client("$web", "index.html").upload_blob(b"<h1>Home</h1>")
    url = urlsplit(service.blob_url)
    host = f"{service.storage_account}.web.localhost"
    connection = http.client.HTTPSConnection(host, url.port)
    plain = socket.create_connection(("127.0.0.1", url.port or 0), 60)
    trusting = ssl.create_default_context(cafile=trust(service))
    with trusting.wrap_socket(plain, server_hostname=host) as connection.sock:
        connection.request("GET", "/")
        with connection.getresponse() as answer:
            assert (answer.status, answer.read()) == (200, b"<h1>Home</h1>")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("token", "--role", "king"), "a role is one of owner"),
        (("token", "--user", "me"), "GUID"),
        (("token", "--hours", "0"), "--hours"),
        (("token", "--account", "nobody"), "devstoreaccount1"),
        (("blob", "keep", "--deleted-blobs", "400"), "0 to 365 days"),
    ],
)
def test_mistakes_are_told(service: RunningService, arguments: tuple[str, ...], reason: str) -> None:
    answer = batchite(*arguments, "--data-dir", str(service.data_dir))
    assert (answer.returncode, answer.stdout) == (USAGE, "")
    assert reason in answer.stderr


def test_without_a_service_the_next_step_is_told(tmp_path: Path) -> None:
    for command in (("token",), ("blob", "keep")):
        answer = batchite(*command, "--data-dir", str(tmp_path))
        assert answer.returncode == NOT_RUNNING
        assert "batchite serve" in answer.stderr
