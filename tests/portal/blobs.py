"""The Blob service behind the portal, and the portal's own client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.blobs.server import KEY, NAME, NEIGHBOUR, Server, serving

from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS, Accounts, StorageAccount
from batchite.machine.clock import SystemClock
from batchite.portal.blob_client.client import Client
from batchite.portal.blob_client.connection import Account, Connection

KEY_BYTES = StorageAccount(NAME, (KEY,)).key_bytes[0]

HOSTILE = (
    "<script>alert(1)</script>",
    "a/../b",
    "a/./b",
    "..",
    ".",
    "../../etc/passwd",
    "x%2Fy%00",
    "100% & + ? # ;.txt",
    " leading and trailing ",
    "tab\there, line\nthere, bell\x07",
    "right\u202eotf.exe",
    "שלום/مرحبا",
    "🦄/é/e\u0301",
    "\ufffe not for XML",
    "//empty//segments//",
    "'quotes\"`",
    "l" * 1024,
)
"""Names that blobs may have."""


@asynccontextmanager
async def served(directory: Path, empty: bytes) -> AsyncIterator[Server]:
    """`empty` is a new database."""
    _begin(directory, empty)
    async with serving(directory) as server:
        yield server


@asynccontextmanager
async def connected(server: Server, name: str = NAME) -> AsyncIterator[Client]:
    connection = Connection(SystemClock())
    try:
        yield Client(connection, Account(name, KEY_BYTES, f"{base(server)}/{name}"))
    finally:
        await connection.close()


def base(server: Server) -> str:
    """The URL of the service."""
    return server.url.removesuffix(f"/{NAME}")


def accounts(server: Server) -> Accounts:
    """One of the service itself, and one that is said to be of another."""
    foreign = StorageAccount(NEIGHBOUR, (KEY,), f"{base(server)}/{NEIGHBOUR}")
    return Accounts(DEVELOPMENT_ACCOUNTS.batch, (*DEVELOPMENT_ACCOUNTS.storage, foreign))


def _begin(directory: Path, empty: bytes) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "blobs.db").write_bytes(empty)
