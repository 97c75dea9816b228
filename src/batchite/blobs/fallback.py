"""Errors of the Blob service's form for what goes wrong outside of its operations."""

from __future__ import annotations

from starlette.responses import Response

from batchite.machine.clock import SystemClock
from batchite.web.problems import (
    RETRY_SECONDS,
    BodyIncomplete,
    BodyTooLarge,
    Foreign,
    InjectedFault,
    MalformedRequest,
    NotHttp,
    PathNotFound,
    Unavailable,
    VerbNotAllowed,
)
from batchite.wire.blob import errors
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import NEWEST_VERSION

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (NotHttp, "InvalidInput"),
    (MalformedRequest, "InvalidUri"),
    (PathNotFound, "ResourceNotFound"),
    (VerbNotAllowed, "UnsupportedHttpVerb"),
    (BodyTooLarge, "RequestBodyTooLarge"),
    (BodyIncomplete, "InvalidInput"),
    (Unavailable, "ServerBusy"),
)
_clock = SystemClock()


def fallback(problem: Exception, request_id: str) -> Response:
    """The `web.guard.Fallback` of the Blob service."""
    error = _as_error(problem)
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-version": NEWEST_VERSION,
        "x-ms-error-code": error.code,
    }
    if isinstance(problem, VerbNotAllowed):
        headers["Allow"] = ", ".join(problem.allowed)
    if error.status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    body = errors.body(error, request_id, _clock.wall())
    return Response(body, error.status, headers, media_type="application/xml")


def _as_error(problem: Exception) -> BlobError:
    """A mistake of ours becomes an InternalError without details."""
    if isinstance(problem, Foreign):
        return errors.invalid_header(problem.header, problem.value, f"it {problem.rule}")
    if isinstance(problem, InjectedFault):
        return injected(problem)
    code = next((code for kind, code in _CODES if isinstance(problem, kind)), None)
    return BlobError(code or "InternalError", details=(("Reason", str(problem)),) if code else ())


def injected(fault: InjectedFault) -> BlobError:
    """What a test asked for, as the service itself would answer it."""
    error = BlobError(fault.code, details=(("Reason", str(fault)),))
    if error.status == 503:
        return BlobError(fault.code, details=error.details, headers=(("Retry-After", str(RETRY_SECONDS)),))
    return error
