"""Where a copy comes from: a blob of this very service, or something at an allowed origin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from starlette.types import Message

from batchite.blobs import downloads, guards
from batchite.blobs.authentication import Needs, authenticate
from batchite.blobs.call import Call, Service
from batchite.blobs.origins import OriginFailed, cannot_verify, origin
from batchite.store.blobs.blobs import Blob
from batchite.web.principal import OWNER
from batchite.web.request import Incoming
from batchite.wire.blob import address, encryption
from batchite.wire.blob.errors import BlobError, invalid_header
from batchite.wire.blob.headers import known_name

URL = "x-ms-copy-source"
AUTHORIZATION = "x-ms-copy-source-authorization"

_READING = Needs("o", frozenset("r"), frozenset("r"), "blob")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CONDITIONS = {
    f"x-ms-source-{name}": name
    for name in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
}
_AS_READ = {
    **_CONDITIONS,
    "x-ms-source-if-tags": "x-ms-if-tags",
    "x-ms-source-lease-id": "x-ms-lease-id",
    "x-ms-source-range": "x-ms-range",
    "x-ms-source-encryption-key": encryption.KEY,
    "x-ms-source-encryption-key-sha256": encryption.KEY_HASH,
    "x-ms-source-encryption-algorithm": encryption.ALGORITHM,
}
"""Headers about the source, and the header that says the same when a blob is read."""
_MAX_URL = 2048
CHECKSUMS = {"x-ms-source-content-md5": "content-md5", "x-ms-source-content-crc64": "x-ms-content-crc64"}
"""Checksums of a source, and the header that says the same of a body."""


@dataclass(frozen=True, slots=True)
class Local:
    """A blob of this service; `call` is as if it were read, with what the client says of the source."""

    call: Call


@dataclass(frozen=True, slots=True)
class Remote:
    """`headers` are to be sent when it is read."""

    url: str
    headers: Mapping[str, str]


Source = Local | Remote


@dataclass(frozen=True, slots=True)
class Opened:
    """A source being read: the headers of the answer (`headers.known_name`) and the bytes."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def is_given(headers: Mapping[str, str]) -> bool:
    return bool(headers.get(URL))


async def resolve(service: Service, call: Call) -> Source:
    """Find the source, and whether the client may read it. Raises BlobError."""
    url = call.headers[URL]
    if len(url) > _MAX_URL:
        raise invalid_header(URL, url[:200], f"a URL of at most {_MAX_URL} characters")
    try:
        place = origin(url)
    except ValueError as error:
        raise invalid_header(URL, url, f"a URL {error}") from None
    headers = {known: call.headers[name] for name, known in _AS_READ.items() if call.headers.get(name)}
    host_account = address.of_host(urlsplit(url).netloc, service.host_suffixes)
    if _is_here(call, place, by_name=host_account is not None):
        return Local(await _local(service, call, url, headers, host_account))
    service.origins.check(url)
    if "x-ms-range" in headers:
        headers["range"] = headers["x-ms-range"]
    if authorization := call.headers.get(AUTHORIZATION):
        headers["authorization"] = authorization
    return Remote(url, {"x-ms-version": call.headers.get("x-ms-version", "2023-11-03"), **headers})


def _is_here(call: Call, place: str, *, by_name: bool) -> bool:
    """Whether this origin is what the request itself was sent to, by whatever name of this machine, or
    `by_name` of one of its accounts. Another port is another service."""
    mine = origin(call.incoming.base_url)
    there, here = urlsplit(place), urlsplit(mine)
    if (there.scheme, there.port) != (here.scheme, here.port):
        return False
    return by_name or there.hostname == here.hostname or {there.hostname, here.hostname} <= _LOOPBACK


async def _local(
    service: Service, call: Call, url: str, headers: dict[str, str], host_account: str | None
) -> Call:
    incoming = _reading(call, url)
    query = incoming.parameters
    where = address.parse(incoming.raw_path, container_meant=False, host_account=host_account)
    account = service.accounts.get(where.account)
    if account is None or not where.blob:
        raise cannot_verify(404, f"there is no blob at {url[:200]}", "ResourceNotFound")
    principal = call.principal
    if authorization := call.headers.get(AUTHORIZATION):
        headers["authorization"] = authorization
    if where.account != call.address.account or principal.roles != OWNER or "sig" in query:
        now = service.clock.now()
        try:
            principal = await authenticate(
                service.database, incoming, where, headers, query, account, _READING, now
            )
        except BlobError as error:
            raise _unreadable(error) from None
    return Call(incoming, where, headers, query, principal, account)


def _reading(call: Call, url: str) -> Incoming:
    """A request that reads what is at the URL."""
    parts = urlsplit(url)
    path = quote(parts.path.encode("latin-1", "replace"), safe="/%!$&'()*+,;=:@~-._")
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": parts.scheme,
        "raw_path": path.encode("ascii"),
        "query_string": parts.query.encode("latin-1", "replace"),
        "headers": [(b"host", parts.netloc.encode("latin-1", "replace"))],
        "client": (call.incoming.client_address, 0),
    }
    return Incoming(scope, _nothing)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _unreadable(error: BlobError) -> BlobError:
    """What reading the source is refused with, as a refusal of the copy."""
    if error.status in (304, 412):
        return BlobError("SourceConditionNotMet")
    if error.code in ("BlobArchived", "InvalidRange"):
        return error
    reason = next((text for name, text in error.details if name.endswith(("Reason", "Detail"))), "")
    return cannot_verify(error.status, f"{error.message} {reason}".strip(), error.code)


def find(connection: sa.Connection, source: Local, now: int) -> Blob:
    """The blob to copy. Raises BlobError; an archived blob is found too."""
    try:
        blob = guards.existing(guards.find_slot(connection, source.call))
        guards.check_read(source.call, blob, now)
        guards.check_copying(blob)
    except BlobError as error:
        raise _unreadable(error) from None
    return blob


@asynccontextmanager
async def opened(service: Service, source: Source) -> AsyncIterator[Opened]:
    """Read the source. Raises BlobError."""
    opening = _open_local(service, source) if isinstance(source, Local) else _open_remote(service, source)
    async with opening as found:
        yield found


@asynccontextmanager
async def _open_local(service: Service, source: Local) -> AsyncIterator[Opened]:
    try:
        answer = await downloads.get(service, source.call)
    except BlobError as error:
        raise _unreadable(error) from None
    headers = {known_name(name): value for name, value in answer.headers}
    try:
        if answer.stream is None:
            yield Opened(headers, _once(answer.body))
        else:
            async with aclosing(answer.stream.chunks()) as chunks:
                yield Opened(headers, chunks)
    finally:
        if answer.done is not None:
            answer.done()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data


@asynccontextmanager
async def _open_remote(service: Service, source: Remote) -> AsyncIterator[Opened]:
    try:
        async with service.origins.fetch("GET", source.url, source.headers) as fetched:
            _check_status(fetched.status, fetched.headers, partial="x-ms-range" in source.headers)
            yield Opened(fetched.headers, fetched.chunks)
    except OriginFailed as error:
        raise cannot_verify(502, str(error)) from None


async def probe(service: Service, source: Remote) -> Mapping[str, str]:
    """The headers of the source, without its content. Raises BlobError."""
    try:
        async with service.origins.fetch("HEAD", source.url, source.headers) as fetched:
            _check_status(fetched.status, fetched.headers, partial=False)
            return fetched.headers
    except OriginFailed as error:
        raise cannot_verify(502, str(error)) from None


def _check_status(status: int, headers: Mapping[str, str], *, partial: bool) -> None:
    if status in (304, 412):
        raise BlobError("SourceConditionNotMet")
    if status not in ((206,) if partial else (200,)):
        reason = f"the source answered {status}" + (" to a request for a range" if partial else "")
        code = headers.get("x-ms-error-code", "")
        raise cannot_verify(status if status >= 400 else 409, reason, code)


def check_no_body(call: Call) -> None:
    """Raises BlobError if there is a body beside the source."""
    length = call.headers.get("content-length", "0")
    if length != "0":
        raise invalid_header("Content-Length", length, f"0 together with {URL}")


def expected_checksums(call: Call) -> dict[str, str]:
    """What the client says of the source's bytes, under the names of headers that say it of a body."""
    return {known: call.headers[name] for name, known in CHECKSUMS.items() if call.headers.get(name)}
