"""Answers of the operations: entities, pages, and what has no body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from starlette.responses import Response

from batchite.batch.call import Call
from batchite.batch.conditions import http_date
from batchite.batch.refusals import CONTENT_TYPE, answer_headers
from batchite.resources.etags import etag
from batchite.store.batch.recording import Changed
from batchite.wire.batch import codec
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.odata import select

M = TypeVar("M", bound=Model)


def headers(call: Call, modified: int | None = None, address: str | None = None) -> dict[str, str]:
    """The headers of an answer about something changed at `modified` with the URL `address`."""
    found = answer_headers(call.request)
    if modified is not None:
        found["ETag"] = etag(modified)
        found["Last-Modified"] = http_date(modified)
    if address is not None:
        found["DataServiceId"] = address
    return found


def empty(call: Call, status: int, *, modified: int | None = None, address: str | None = None) -> Response:
    """An answer without a body."""
    return Response(None, status, headers(call, modified, address))


def changed(call: Call, status: int, change: Changed, *address: str) -> Response:
    """An answer without a body: what is at `address`, given by its segments, has been changed."""
    return empty(call, status, modified=change.modified, address=call.url(*address))


def created(call: Call, modified: int, address: str) -> Response:
    """201: the new resource is at `address`."""
    return Response(None, 201, {**headers(call, modified, address), "Location": address})


def entity(
    call: Call, kind: str, value: Model, *, modified: int | None = None, address: str | None = None
) -> Response:
    """200 with one resource of a kind (`pools`), as far as `$select` asks for it."""
    metadata = f"{call.request.base_url}/$metadata#{kind}/@Element"
    return _body(call, _encode(call, [value], type(value))[0], metadata, modified, address)


def result(call: Call, kind: str, value: Model) -> Response:
    """200 with what an action returns."""
    metadata = f"{call.request.base_url}/$metadata#{kind}"
    return _body(call, _encode(call, [value], type(value))[0], metadata, None, None)


def _body(call: Call, body: bytes, metadata: str, modified: int | None, address: str | None) -> Response:
    found = headers(call, modified, address)
    return Response(codec.with_metadata(body, metadata), 200, found, CONTENT_TYPE)


def page(call: Call, kind: str, model: type[M], values: Iterable[M], more: str | None) -> Response:
    """200 with some resources of a kind; `more` is the link to the next."""
    items = _encode(call, values, model)
    body = codec.page(items, f"{call.request.base_url}/$metadata#{kind}", more)
    return Response(body, 200, headers(call), CONTENT_TYPE)


def _encode(call: Call, values: Iterable[Model], model: type[Model]) -> list[bytes]:
    select.parse_expand(call.query.get("$expand"))
    names = call.selected(model)
    if call.version.is_newest:
        return [codec.encode(select.pick(call.version.shown(value), names)) for value in values]
    return [codec.encode(_lowered(call, value, names)) for value in values]


def _lowered(call: Call, value: Model, names: frozenset[str] | None) -> dict[str, object]:
    """What of `value` is to be encoded, as the request's version writes it."""
    body = call.shown(value)
    return body if names is None else {name: part for name, part in body.items() if name in names}
