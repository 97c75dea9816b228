"""Certificates: the operations on them, which versions up to 2024-07-01.20.0 have."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.certificates import actions
from batchite.batch.operations import FILTERED, SELECT, operation
from batchite.resources.certificates import path, shown
from batchite.store.batch import filtering
from batchite.wire.batch.models.certificates import BatchCertificate, BatchCertificateCreateOptions
from batchite.wire.batch.validation.certificates import accept, named

MOST: Final = 100
"""On a page."""


async def add(call: Call) -> Response:
    thumbprint, public_data = accept(await call.body(BatchCertificateCreateOptions))
    await actions.add(call.acting, thumbprint, public_data)
    return answers.created(call, call.now.ticks, _address(call, thumbprint))


async def list_(call: Call) -> Response:
    wanted = listing.wanted(call, filtering.CERTIFICATES, MOST)
    part = await actions.page(call.acting, wanted)
    return listing.answer(
        call,
        "certificates",
        part,
        BatchCertificate,
        (shown(certificate, call.url) for certificate in part.rows),
        lambda certificate: certificate.certificate_no,
    )


async def get(call: Call) -> Response:
    found = await actions.find(call.acting, _named(call))
    return answers.entity(call, "certificates", shown(found, call.url))


async def delete(call: Call) -> Response:
    await actions.delete(call.acting, _named(call))
    return answers.empty(call, 202)


async def cancel_deletion(call: Call) -> Response:
    thumbprint = _named(call)
    await actions.cancel_deletion(call.acting, thumbprint)
    return answers.empty(call, 204, address=f"{_address(call, thumbprint)}/canceldelete")


def _named(call: Call) -> str:
    return named(call.params["certificate"])


def _address(call: Call, thumbprint: str) -> str:
    return f"{call.url()}/{path(thumbprint)}"


OPERATIONS = (
    operation("Certificate_Add", add),
    operation("Certificate_List", list_, FILTERED | SELECT),
    operation("Certificate_Get", get, SELECT),
    operation("Certificate_Delete", delete),
    operation("Certificate_CancelDeletion", cancel_deletion),
)
