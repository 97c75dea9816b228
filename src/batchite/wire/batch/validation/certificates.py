"""The rules of certificates, which versions up to 2024-07-01.20.0 have."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

from batchite.wire.batch.errors import BatchError, invalid_property
from batchite.wire.batch.models.certificates import BatchCertificateCreateOptions
from batchite.wire.batch.models.enums import BatchCertificateFormat

LARGEST: Final = 10 * 1024
"""Bytes of a certificate's data."""
_THUMBPRINT = re.compile(r"[0-9a-f]{40}")
_SEQUENCE = b"\x30"
"""With which everything begins that DER has of certificates."""


def named(text: str) -> str:
    """The thumbprint in the brackets of a URL. Raises BatchError."""
    pairs = [part.partition("=") for part in text.split(",")]
    given = {name.strip().lower(): value.strip().lower().strip("'") for name, _, value in pairs}
    if given.keys() != {"thumbprintalgorithm", "thumbprint"}:
        detail = "A certificate is named by (thumbprintAlgorithm=sha1,thumbprint=40 hexadecimal digits)."
        raise BatchError("InvalidUri", detail, (("Certificate", text),))
    if given["thumbprintalgorithm"] != "sha1" or not _THUMBPRINT.fullmatch(given["thumbprint"]):
        raise BatchError("CertificateNotFound", "Thumbprints are SHA-1, 40 hexadecimal digits.")
    return given["thumbprint"]


def accept(certificate: BatchCertificateCreateOptions) -> tuple[str, bytes | None]:
    """The thumbprint in lower case, and the public data if that can be told. Raises BatchError.

    A CER is compared with its thumbprint. A PFX is encrypted, and since nodes get no certificates nobody
    would gain by opening it, so that is taken at its word and forgotten, with its password.
    """
    thumbprint = certificate.thumbprint.lower()
    if certificate.thumbprint_algorithm.lower() != "sha1":
        raise invalid_property(
            "thumbprintAlgorithm", certificate.thumbprint_algorithm, "has to be sha1, the only one there is"
        )
    if not _THUMBPRINT.fullmatch(thumbprint):
        raise invalid_property(
            "thumbprint", certificate.thumbprint, "has to be a SHA-1 in 40 hexadecimal digits"
        )
    data = _decoded(certificate.data)
    if certificate.certificate_format is not BatchCertificateFormat.CER:
        return thumbprint, None
    if certificate.password:
        raise invalid_property("password", "", "has to be left out of a cer, which has none")
    if hashlib.sha1(data, usedforsecurity=False).hexdigest() != thumbprint:
        raise invalid_property(
            "thumbprint", certificate.thumbprint, "has to be that of the data: its SHA-1, as DER has it"
        )
    return thumbprint, data


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid_property("data", "", "has to be base64") from None
    if not data.startswith(_SEQUENCE) or len(data) > LARGEST:
        raise invalid_property("data", "", f"has to be a certificate in DER or PFX, at most {LARGEST} bytes")
    return data
