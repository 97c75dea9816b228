"""How programs use the URL of something shared: lines to paste."""

from __future__ import annotations

from shlex import quote
from typing import TypeAlias

Lines: TypeAlias = tuple[tuple[str, str], ...]
"""What for, and the line"""


def of_account(url: str) -> Lines:
    return (
        ("Python", f"client = BlobServiceClient({url!r})"),
        ("curl", f"curl {quote(f'{url}&comp=list')}"),
    )


def of_container(url: str) -> Lines:
    return (
        ("Python", f"client = ContainerClient.from_container_url({url!r})"),
        ("curl", f"curl {quote(f'{url}&restype=container&comp=list')}"),
        ("azcopy", f"azcopy copy --recursive {quote(url)} ."),
    )


def of_blob(url: str) -> Lines:
    return (
        ("Python", f"client = BlobClient.from_blob_url({url!r})"),
        ("Azure CLI", f"az storage blob download --file FILE --blob-url {quote(url)}"),
        ("curl", f"curl -o FILE {quote(url)}"),
    )
