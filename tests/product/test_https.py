"""HTTPS on every endpoint: the tutorial, unchanged, with a certificate of the local authority."""

import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from batchite.cli.portal import link
from batchite.configuration import endpoints
from batchite.testing.service import RunningService, running_service
from batchite.tls import authority, certificates

CLIENT = Path(__file__).parents[2] / "examples" / "tutorial" / "tutorial_client.py"
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def batchite(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "batchite", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("https") / "data"
    answer = batchite("tls", "init", "--data-dir", str(data_dir), "--name", "files.example.org")
    assert answer.returncode == 0, answer.stderr
    assert "files.example.org" in answer.stdout
    assert f"export SSL_CERT_FILE={data_dir}/tls/bundle.pem" in answer.stdout
    return data_dir


@pytest.fixture(scope="module")
def service(made: Path) -> Iterator[RunningService]:
    with running_service(made, arguments=["--tls"]) as running:
        yield running


def test_keys_are_readable_by_their_owner_only(made: Path) -> None:
    places = [made, made / "tls", made / "tls" / authority.AUTHORITY_KEY, made / "tls" / certificates.KEY]
    assert [place.stat().st_mode & 0o077 for place in places] == [0, 0, 0, 0]


def test_the_tutorial_runs_over_https(made: Path, service: RunningService, tmp_path: Path) -> None:
    assert service.batch_url.startswith("https://127.0.0.1:")
    assert service.blob_url.startswith("https://127.0.0.1:")
    assert {service.variables[name] for name in TRUST} == {str(made / "tls" / certificates.BUNDLE)}
    answer = subprocess.run(
        [sys.executable, str(CLIENT), "--output", str(tmp_path), "--words", "1"],
        env={**os.environ, **service.variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Success! All tasks reached the 'Completed' state" in answer.stdout
    found = endpoints.load(made)
    assert found is not None
    assert found.tls
    with socket.create_connection(("127.0.0.1", found.port("blob") or 0), 10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP/1.1 2")


def test_https_without_a_certificate_says_how_to_make_one(tmp_path: Path) -> None:
    answer = batchite("serve", "--tls", "--data-dir", str(tmp_path), "--batch-port", "0", "--blob-port", "0")
    assert answer.returncode == 1
    assert f"batchite tls init --data-dir {tmp_path}" in answer.stderr


def test_a_certificate_for_another_host_is_refused_before_anything_starts(made: Path, tmp_path: Path) -> None:
    certificate, key = made / "tls" / certificates.CERTIFICATE, made / "tls" / certificates.KEY
    given = ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    ports = ["--data-dir", str(tmp_path), "--batch-port", "0", "--blob-port", "0"]
    unknown = batchite("serve", *given, *ports)
    known = batchite(
        "serve",
        *given,
        *ports,
        "--tls-ca",
        str(made / "tls" / "ca.pem"),
        "--public-host",
        "other.example.org",
    )
    assert (unknown.returncode, known.returncode) == (1, 1)
    assert "--tls-ca" in unknown.stderr
    assert "other.example.org" in known.stderr
    assert "--public-host" in known.stderr
    assert not (tmp_path / endpoints.FILE_NAME).exists()


def test_the_portal_reaches_the_blob_service_over_https(made: Path, service: RunningService) -> None:
    """By the same authority as clients, though nothing of the machine trusts it."""
    with BlobServiceClient.from_connection_string(
        service.storage_connection_string, connection_verify=str(made / "tls" / certificates.BUNDLE)
    ) as client:
        client.create_container("over-https")
    found = endpoints.load(made)
    assert found is not None
    trust = ssl.create_default_context(cafile=found.bundle)
    browser = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=trust), urllib.request.HTTPCookieProcessor()
    )
    browser.open(link(made, found), timeout=60).close()
    with browser.open(f"{service.batch_url}/-/portal/storage/{service.storage_account}", timeout=60) as page:
        assert "over-https" in page.read().decode()
