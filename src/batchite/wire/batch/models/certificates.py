"""Certificates, which versions up to 2024-07-01.20.0 have."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import NameValuePair
from batchite.wire.batch.models.enums import BatchCertificateFormat, BatchCertificateState
from batchite.wire.batch.models.fields import Given, Maybe, Model
from batchite.wire.ticks import Timestamp


class BatchCertificateCreateOptions(Model, frozen=True, kw_only=True):
    """A certificate to add. `data` is base64."""

    thumbprint: str
    thumbprint_algorithm: str
    data: str
    certificate_format: Maybe[BatchCertificateFormat] = UNSET
    password: Maybe[str] = UNSET


class BatchCertificateDeleteError(Model, frozen=True, kw_only=True):
    """Why a certificate could not be deleted."""

    code: str
    message: str
    values: tuple[NameValuePair, ...] = ()


class BatchCertificate(Model, frozen=True, kw_only=True):
    """A certificate as the service shows it."""

    thumbprint: str
    thumbprint_algorithm: str
    url: str
    state: BatchCertificateState
    state_transition_time: Timestamp
    previous_state: Given[BatchCertificateState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    public_data: Given[str] = UNSET
    delete_certificate_error: Given[BatchCertificateDeleteError] = UNSET
