"""Certificates, as they are stored and shown. Of what is sent only the public part is kept, as nodes get
none."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, Protocol

from msgspec import UNSET

from batchite.resources.showing import Address, transitions
from batchite.wire.batch import codec
from batchite.wire.batch.models.certificates import BatchCertificate, BatchCertificateDeleteError
from batchite.wire.batch.models.common import NameValuePair
from batchite.wire.batch.models.enums import BatchCertificateState

ALGORITHM: Final = "sha1"
"""The only one that there is."""


class CertificateRow(Protocol):
    """A stored certificate."""

    certificate_no: int
    thumbprint: str
    public_data: bytes | None
    state: str
    state_time: int
    previous_state: str | None
    previous_state_time: int | None
    error: bytes | None


def row(account: str, thumbprint: str, public_data: bytes | None, now: int) -> dict[str, Any]:
    """Of a certificate to be added, which is accepted."""
    return {
        "account": account,
        "thumbprint": thumbprint,
        "public_data": public_data,
        "state": BatchCertificateState.ACTIVE.value,
        "state_time": now,
    }


def in_use(pools: Sequence[str]) -> bytes:
    """Why one is not deleted that these pools refer to."""
    error = BatchCertificateDeleteError(
        code="CertificateInUse",
        message=(
            "Pools refer to the certificate. Take it out of their certificateReferences, or delete them, and "
            "delete the certificate again."
        ),
        values=tuple(NameValuePair(name="PoolId", value=pool) for pool in pools),
    )
    return codec.encode(error)


def path(thumbprint: str) -> str:
    """Of a certificate, below the service's URL."""
    return f"certificates(thumbprintAlgorithm={ALGORITHM},thumbprint={thumbprint})"


def shown(certificate: CertificateRow, url: Address) -> BatchCertificate:
    public, error = certificate.public_data, certificate.error
    return BatchCertificate(
        thumbprint=certificate.thumbprint,
        thumbprint_algorithm=ALGORITHM,
        url=f"{url()}/{path(certificate.thumbprint)}",
        **transitions(certificate, BatchCertificateState),
        public_data=UNSET if public is None else base64.b64encode(public).decode(),
        delete_certificate_error=(
            UNSET if error is None else codec.decode(error, BatchCertificateDeleteError)
        ),
    )
