"""Problems that no operation answers, as errors of the Batch service."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchite.web.problems import (
    RETRY_SECONDS,
    BodyIncomplete,
    BodyTooLarge,
    ClientGone,
    Foreign,
    InjectedFault,
    MalformedRequest,
    NotHttp,
    PathNotFound,
    Unavailable,
    VerbNotAllowed,
    WebProblem,
)
from batchite.web.request import Incoming
from batchite.wire.batch import errors
from batchite.wire.batch.errors import BatchError
from batchite.wire.ticks import Clock, Timestamp

HELP = "/-/docs/batch-errors"
"""Where the docs say more about a code, each below its name in lower case."""
CONTENT_TYPE = "application/json;odata=minimalmetadata"


def as_error(problem: Exception) -> BatchError:
    """The documented error of a problem; a mistake of ours becomes an InternalError without details."""
    match problem:
        case BatchError():
            return problem
        case Foreign(header=header, value=value, rule=rule):
            return errors.invalid_header(header, value, rule)
        case InjectedFault(code=code):
            return BatchError(code, str(problem))
        case PathNotFound():
            return BatchError("ResourceNotFound", f"{problem} Check the URL.")
        case VerbNotAllowed():
            return BatchError("UnsupportedHttpVerb", str(problem))
        case BodyTooLarge(limit=limit, size=size):
            found = f"more than {limit}" if size is None else str(size)
            values = (("MaxLimit", str(limit)), ("RequestBodySize", found))
            return BatchError("RequestBodyTooLarge", f"{problem} Send less at a time.", values)
        case BodyIncomplete():
            return BatchError("InvalidRequestBody", f"{problem} Send the request again.")
        case Unavailable():
            return BatchError("ServerBusy", str(problem))
        case NotHttp():
            return BatchError("InvalidInput", str(problem))
        case MalformedRequest():
            return BatchError("RequestUrlFailedToParse", str(problem))
        case _:
            return BatchError("InternalError")


def service_headers(request_id: str) -> dict[str, str]:
    """Headers of every answer."""
    return {"request-id": request_id, "DataServiceVersion": "3.0", "X-Content-Type-Options": "nosniff"}


def answer_headers(request: Incoming) -> dict[str, str]:
    """Those of an answer to a request that can be read: also the client's own request id, if it asked to
    have it back."""
    wanted = request.headers.get("return-client-request-id", "").lower() == "true"
    own = request.headers.get("client-request-id")
    echoed = {"client-request-id": own} if wanted and own else {}
    return {**service_headers(request.request_id), **echoed}


def refusal(request: Incoming, problem: Exception, now: Timestamp) -> Response:
    """The documented answer to a request that is refused."""
    error = as_error(problem)
    base_url = ""
    with contextlib.suppress(MalformedRequest):
        base_url = request.base_url
    body = errors.body(error, request.request_id, now, base_url)
    return response(problem, error, answer_headers(request), body)


async def serve(
    answer: Callable[[Incoming], Awaitable[Response]],
    clock: Clock,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """The way of every request of the service: an answer, or the refusal that `answer` raised. Where there is
    nobody any more to answer, that is raised."""
    request = Incoming(scope, receive)
    try:
        found = await answer(request)
    except (ClientGone, BodyIncomplete):
        raise
    except (BatchError, WebProblem) as problem:
        found = refusal(request, problem, clock.wall())
    await found(scope, receive, send)


def response(problem: Exception, error: BatchError, headers: dict[str, str], body: bytes) -> Response:
    status = error.status
    headers = {**headers, "Link": f'<{HELP}#{error.code.lower()}>; rel="help"'}
    if isinstance(problem, VerbNotAllowed):
        headers = {**headers, "Allow": ", ".join(problem.allowed)}
    if status == 503:
        headers = {**headers, "Retry-After": str(RETRY_SECONDS)}
    if status == 304:
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, CONTENT_TYPE)


class Fallback:
    """What the guard of the Batch service answers when something escapes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, problem: Exception, request_id: str) -> Response:
        error = as_error(problem)
        body = errors.body(error, request_id, self._clock.wall())
        return response(problem, error, service_headers(request_id), body)
