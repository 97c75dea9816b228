"""Blob Batch: many deletions, or many changes of tiers, in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.types import Message

from batchite.blobs import answers, bodies
from batchite.blobs.answers import Answer, Headers
from batchite.blobs.call import Call, Service
from batchite.blobs.containers import existing as existing_container
from batchite.web.problems import MalformedRequest
from batchite.web.request import Incoming
from batchite.wire.blob import address, multipart
from batchite.wire.blob.errors import BlobError, naming
from batchite.wire.blob.multipart import Part, PartAnswer


async def run(service: Service, call: Call) -> Answer:
    """Each request within is authorised and answered by itself; what is wrong with all of them is answered
    as the only part."""
    edge = multipart.boundary(call.headers.get("content-type", ""))
    body = await bodies.document(call, multipart.MAX_BODY_BYTES)
    try:
        found = await _answers(service, call, multipart.read(edge, body))
    except BlobError as error:
        found = [_refusal(service, call, naming(error, call.address.container, ""))]
    boundary = f"batchresponse_{call.incoming.request_id}"
    content_type = ("Content-Type", f"multipart/mixed; boundary={boundary}")
    return Answer(202, [content_type], multipart.write(boundary, found))


async def _answers(service: Service, call: Call, parts: Sequence[Part]) -> list[PartAnswer]:
    """All requests are done at the same time. Raises BlobError for what is no batch."""
    requests = [_incoming(service, call, part) for part in parts]
    for incoming in requests:
        _check(service, call, incoming)
        if incoming.verb != requests[0].verb:
            raise _refused(incoming, "a batch either deletes blobs or sets tiers, not both")
    if call.address.container:
        await service.database.look(lambda connection: existing_container(connection, call))
    return await asyncio.gather(
        *(_answer(service, incoming, part) for incoming, part in zip(requests, parts, strict=True))
    )


def _refusal(service: Service, call: Call, error: BlobError) -> PartAnswer:
    request_id = call.incoming.request_id
    answer = answers.failure(error, request_id, service.clock.now())
    return PartAnswer("", answer.status, [("x-ms-request-id", request_id), *answer.headers], answer.body)


def _incoming(service: Service, call: Call, part: Part) -> Incoming:
    outer = call.incoming
    host = _host(service, call, part)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in part.headers
        if name.lower() != "host"
    ]
    scope = {
        "type": "http",
        "method": part.verb,
        "scheme": outer.scheme,
        "raw_path": part.path.encode("ascii"),
        "query_string": part.query.encode("ascii"),
        "headers": [*headers, (b"host", host.encode())],
        "client": (outer.client_address, 0),
    }
    return Incoming(scope, _nothing)


def _host(service: Service, call: Call, part: Part) -> str:
    """Older SDKs leave the account out of the paths within, and sign them so, as if the host named it."""
    account = call.address.account
    if call.address.by_host or part.path.startswith(f"/{account}/") or not service.host_suffixes:
        return call.incoming.host
    return f"{account}.{service.host_suffixes[0]}"


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _check(service: Service, call: Call, incoming: Incoming) -> None:
    """Raises BlobError for what is no request of a batch."""
    try:
        query = incoming.parameters
    except MalformedRequest as problem:
        raise _refused(incoming, str(problem)) from None
    asked = (incoming.verb, query.get("restype", ""), query.get("comp", ""))
    if asked not in (("DELETE", "", ""), ("PUT", "", "tier")):
        raise _refused(incoming, "a batch deletes blobs (DELETE) or sets tiers (PUT with comp=tier)")
    host_account = address.of_host(incoming.host, service.host_suffixes)
    where = address.parse(incoming.raw_path, container_meant=False, host_account=host_account)
    if not where.blob or where.account != call.address.account:
        raise _refused(incoming, f"it must name a blob of the account {call.address.account}")
    if call.address.container not in ("", where.container):
        raise _refused(incoming, f"it must name a blob of the container {call.address.container}")


def _refused(incoming: Incoming, reason: str) -> BlobError:
    request = f"{incoming.verb} {incoming.raw_path[:200]}"
    return BlobError("InvalidInput", details=(("SubRequest", request), ("Reason", reason)))


async def _answer(service: Service, incoming: Incoming, part: Part) -> PartAnswer:
    common: Headers = []
    answer = await service.serve(incoming, common)
    return PartAnswer(part.id, answer.status, [*common, *answer.headers], answer.body)
