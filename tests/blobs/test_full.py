"""A disk that is really full: a file system of a few megabytes, mounted where the service runs alone."""

import os
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests import needs
from tests.blobs import bearer
from tests.blobs.running import connected

PLACE_BYTES = 48 * 1024 * 1024
MOUNT = f'mount -t tmpfs -o size={PLACE_BYTES} tmpfs "$2" && exec "$1" -m tests.blobs.crashing "$2"'
TOKEN = bearer.token()


class Client:
    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def call(self, verb: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
        """Status, error code and body."""
        url = f"/devstoreaccount1/{path}{'&' if '?' in path else '?'}{TOKEN}"
        headers = {f"x-ms-{name.replace('_', '-')}": value for name, value in headers.items()}
        self._connection.request(verb, url, body, headers)
        with self._connection.getresponse() as answer:
            return answer.status, answer.headers.get("x-ms-error-code", ""), answer.read()

    def put(self, blob: str, body: bytes) -> tuple[int, str]:
        return self.call("PUT", f"things/{blob}", body, blob_type="BlockBlob")[:2]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Who may not mount gets a user namespace."""
    needs.programs("unshare", "mount")
    unshare = ["unshare", "--mount"]
    unshare += [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    with connected([*unshare, "sh", "-c", MOUNT, "sh", sys.executable, str(tmp_path)]) as connection:
        if connection is None:
            needs.unmet(
                "a small file system cannot be mounted: this needs unshare, and root or user namespaces"
            )
        client = Client(connection)
        assert client.call("PUT", "things?restype=container")[0] == 201
        yield client


@pytest.mark.system
@pytest.mark.parametrize("size", [1_000_000, 16_000], ids=["files", "rows"])
def test_a_full_disk_is_said_and_tears_nothing(client: Client, size: int) -> None:
    stored: dict[str, bytes] = {}
    refused = 0
    while refused < 20:
        blob, body = f"blob-{len(stored)}", os.urandom(size)
        status, code = client.put(blob, body)
        if status == 201:
            stored[blob] = body
        else:
            assert (status, code) == (507, "InsufficientStorage")
            assert client.call("HEAD", f"things/{blob}")[0] == 404
            refused += 1
    assert len(stored) * size > PLACE_BYTES // 4
    assert client.put("blob-0", os.urandom(size)) == (507, "InsufficientStorage")
    for blob, body in stored.items():
        assert client.call("GET", f"things/{blob}") == (200, "", body)
    for blob in list(stored)[: len(stored) // 2]:
        assert client.call("DELETE", f"things/{blob}")[0] == 202
    status, _, listing = client.call("GET", "things?restype=container&comp=list")
    assert (status, listing.count(b"<Blob>")) == (200, len(stored) - len(stored) // 2)
    assert client.put("again", os.urandom(size)) == (201, "")
