"""Error bodies: of an answer, and of an item in a collection's answer."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.fields import Given, Model


class BatchError(Model, frozen=True, kw_only=True):
    """The body of an error answer."""

    code: Given[str] = UNSET
    message: Given[BatchErrorMessage] = UNSET
    values: Given[tuple[BatchErrorDetail, ...]] = UNSET


class BatchErrorDetail(Model, frozen=True, kw_only=True):
    """A pair that tells a program more about an error."""

    key: Given[str] = UNSET
    value: Given[str] = UNSET


class BatchErrorMessage(Model, frozen=True, kw_only=True):
    """The text of an error for people."""

    lang: Given[str] = UNSET
    value: Given[str] = UNSET
