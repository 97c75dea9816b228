"""Endpoints of ours by which applications are managed, since Azure has that at its resource manager."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.applications import actions
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.services import Services
from batchite.resources.applications import all_managed, managed
from batchite.wire.batch import codec
from batchite.wire.batch.models.fields import Maybe, Model
from batchite.wire.batch.validation.rules import check_display_name

LARGEST_CHANGE = 64 * 1024
"""Bytes of a body that says what is to be another."""


class ApplicationChange(Model, frozen=True, kw_only=True):
    """What of an application is to be another; what is left out stays, null takes away."""

    display_name: Maybe[str] = UNSET
    allow_updates: Maybe[bool] = UNSET
    default_version: Maybe[str] = UNSET


def _answer(call: OwnCall, value: Model, status: int = 200) -> Response:
    headers = refusals.answer_headers(call.request)
    return Response(codec.encode(value), status, headers, refusals.CONTENT_TYPE)


def _text(value: Maybe[str]) -> str | None:
    """As actions take it."""
    return None if value is UNSET else value or ""


def endpoints(services: Services) -> Sequence[Endpoint]:
    def acting(call: OwnCall) -> Acting:
        return Acting(services, call.account.name, call.now)

    async def list_(call: OwnCall) -> Response:
        return _answer(call, all_managed(await actions.all_(acting(call))))

    async def get(call: OwnCall) -> Response:
        return _answer(call, managed(await actions.find(acting(call), call.params["applicationId"])))

    async def change(call: OwnCall) -> Response:
        wanted = codec.decode(await call.request.body(LARGEST_CHANGE), ApplicationChange)
        check_display_name("displayName", wanted.display_name)
        changed = await actions.change(
            acting(call),
            call.params["applicationId"],
            display_name=_text(wanted.display_name),
            allow_updates=wanted.allow_updates if isinstance(wanted.allow_updates, bool) else None,
            default_version=_text(wanted.default_version),
        )
        return _answer(call, managed(changed))

    async def delete(call: OwnCall) -> Response:
        await actions.delete(acting(call), call.params["applicationId"])
        return Response(None, 204, refusals.answer_headers(call.request))

    async def put_package(call: OwnCall) -> Response:
        names = call.params["applicationId"], call.params["version"]
        sent = call.request.blocks(), call.request.announced
        return _answer(call, managed(await actions.add_package(acting(call), *names, *sent)), 201)

    async def delete_package(call: OwnCall) -> Response:
        await actions.delete_package(acting(call), call.params["applicationId"], call.params["version"])
        return Response(None, 204, refusals.answer_headers(call.request))

    one = "/-/applications/{applicationId}"
    package = f"{one}/packages/{{version}}"
    return (
        Endpoint("GET", "/-/applications", list_),
        Endpoint("GET", one, get),
        Endpoint("PATCH", one, change),
        Endpoint("DELETE", one, delete),
        Endpoint("PUT", package, put_package),
        Endpoint("DELETE", package, delete_package),
    )
