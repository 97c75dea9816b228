"""Checksums that clients give for what they send: MD5 and CRC64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from batchite.blobs.answers import Headers
from batchite.blobs.content.uploads import Received
from batchite.wire.blob import headers
from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.errors import BlobError

CRC64 = "x-ms-content-crc64"
_MD5_HEADERS = ("content-md5", "x-ms-blob-content-md5")


def check_whole(given: Mapping[str, str], received: Received) -> str:
    """The MD5 of a whole blob in base64.

    Raises BlobError if a checksum is none, or is not that of what was received.
    """
    for name in _MD5_HEADERS:
        if text := given.get(name):
            compare_md5(name, text, received.md5)
    if text := given.get(CRC64):
        compare_crc64(text, received.crc64)
    return base64.b64encode(received.md5 or b"").decode()


def check_part(given: Mapping[str, str], received: Received) -> Headers:
    """The checksum to show for a block or page: the MD5 that the client gave, else the CRC64.

    Raises BlobError if a checksum is none, or is not that of what was received.
    """
    if text := given.get(CRC64):
        compare_crc64(text, received.crc64)
    if text := given.get("content-md5"):
        compare_md5("content-md5", text, received.md5)
        return [("Content-MD5", text)]
    return [(CRC64, base64.b64encode(received.crc64).decode())]


def check_document(given: Mapping[str, str], document: bytes) -> None:
    """For a body that is read as a whole. Raises BlobError if a checksum is none, or is not its own."""
    if text := given.get(CRC64):
        compare_crc64(text, crc64(document))
    if text := given.get("content-md5"):
        compare_md5("content-md5", text, headers.md5_of(document))


def compare_md5(name: str, given: str, computed: bytes | None) -> None:
    """Raises BlobError InvalidMd5 or Md5Mismatch."""
    if headers.md5_bytes(name, given) != computed:
        shown = base64.b64encode(computed or b"").decode()
        raise BlobError(
            "Md5Mismatch",
            details=(("HeaderName", name), ("UserSpecifiedMd5", given), ("ServerCalculatedMd5", shown)),
        )


def compare_crc64(given: str, computed: bytes) -> None:
    """Raises BlobError InvalidCrc64 or Crc64Mismatch."""
    try:
        decoded = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != 8:
        raise BlobError("InvalidCrc64", details=(("HeaderName", CRC64), ("HeaderValue", given)))
    if decoded != computed:
        shown = base64.b64encode(computed).decode()
        raise BlobError(
            "Crc64Mismatch",
            details=(("HeaderName", CRC64), ("UserSpecifiedCrc", given), ("ServerCalculatedCrc", shown)),
        )
