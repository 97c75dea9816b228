"""Checksums that clients give for what they send, and that answers tell: MD5 and CRC64."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.errors import BlobError, invalid_header
from batchite.wire.blob.headers import md5_of

CRC64 = "x-ms-content-crc64"
_CRC64_BYTES, _MD5_BYTES = 8, 16


class Names(NamedTuple):
    """Of the headers that have them; of several MD5s the first counts."""

    md5: tuple[str, ...]
    crc64: str


OF_BODY = Names(("content-md5",), CRC64)
OF_BLOCK_BLOB = Names(("x-ms-blob-content-md5", "content-md5"), CRC64)
OF_SOURCE = Names(("x-ms-source-content-md5",), "x-ms-source-content-crc64")


class Given(NamedTuple):
    """A checksum, the header that has it, and as it stands there."""

    header: str
    text: str
    value: bytes


class Expected(NamedTuple):
    """What a client says of bytes; None where it says nothing."""

    md5: Given | None = None
    crc64: Given | None = None

    def check(self, md5: bytes | None, crc64: bytes) -> None:
        """Raises BlobError Md5Mismatch or Crc64Mismatch. `md5` may be None if none is expected."""
        if self.md5 is not None and self.md5.value != md5:
            raise _mismatch("Md5Mismatch", self.md5, md5 or b"", ("UserSpecifiedMd5", "ServerCalculatedMd5"))
        if self.crc64 is not None and self.crc64.value != crc64:
            raise _mismatch("Crc64Mismatch", self.crc64, crc64, ("UserSpecifiedCrc", "ServerCalculatedCrc"))

    def shown(self, crc64: bytes) -> list[tuple[str, str]]:
        """What is answered: the MD5 only to whoever gave one."""
        md5 = [] if self.md5 is None else [("Content-MD5", self.md5.text)]
        return [*md5, (CRC64, encode(crc64))]


NOTHING = Expected()


def encode(checksum: bytes) -> str:
    """As it stands in a header."""
    return base64.b64encode(checksum).decode()


def expected(headers: Mapping[str, str], names: Names = OF_BODY) -> Expected:
    """Raises BlobError for what is no checksum, and for both kinds at once."""
    md5s = [_md5(name, headers[name]) for name in names.md5 if headers.get(name)]
    given = headers.get(names.crc64)
    if not given:
        return Expected(md5s[0]) if md5s else NOTHING
    if md5s:
        details = (("HeaderName", names.crc64), ("Reason", f"not together with {md5s[0].header}"))
        raise BlobError("BothCrc64AndMd5HeaderPresent", details=details)
    return Expected(crc64=_crc64(names.crc64, given))


def check_document(headers: Mapping[str, str], document: bytes) -> list[tuple[str, str]]:
    """For a body that is read as a whole; what to answer. Raises BlobError as `expected` and `check`."""
    found, computed = expected(headers), crc64(document)
    found.check(md5_of(document) if found.md5 else None, computed)
    return found.shown(computed)


def _md5(name: str, text: str) -> Given:
    value = decode(text)
    if value is None or len(value) != _MD5_BYTES:
        raise BlobError("InvalidMd5", details=(("HeaderName", name), ("HeaderValue", text)))
    return Given(name, text, value)


def _crc64(name: str, text: str) -> Given:
    """One that is too long is one that cannot be right."""
    value = decode(text)
    if value is None or len(value) < _CRC64_BYTES:
        raise invalid_header(name, text, "a CRC64: 8 bytes in base64, the lowest first")
    return Given(name, text, value)


def decode(text: str) -> bytes | None:
    """None for what is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _mismatch(code: str, given: Given, computed: bytes, names: tuple[str, str]) -> BlobError:
    shown = ((names[0], given.text), (names[1], encode(computed)))
    return BlobError(code, details=(("HeaderName", given.header), *shown))
