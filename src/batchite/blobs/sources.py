"""Where a copy comes from: a blob of this very service, or something at an allowed origin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from starlette.types import Message

from batchite.blobs import downloads, guards, tiering
from batchite.blobs.authentication import Needs, authenticate
from batchite.blobs.call import Call, Service
from batchite.blobs.origins import Fetched, OriginFailed, cannot_verify, origin
from batchite.store.blobs.blobs import Blob
from batchite.web.principal import OWNER
from batchite.web.request import Incoming
from batchite.wire import cloud
from batchite.wire.blob import address, encryption, tiers
from batchite.wire.blob.errors import CODES, BlobError, invalid_header
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


@dataclass(frozen=True, slots=True)
class Local:
    """A blob of this service; `call` is as if it were read, with what the client says of the source.

    `waits`: whether the client waits for the bytes, as in all operations "from URL": these see the source
    as a stranger does, and are told what reading it answers. `foreign`: it is of another account.
    """

    call: Call
    waits: bool
    foreign: bool


@dataclass(frozen=True, slots=True)
class Remote:
    """`headers` are to be sent when it is read; `waits` as of `Local`."""

    url: str
    headers: Mapping[str, str]
    waits: bool


Source = Local | Remote


@dataclass(frozen=True, slots=True)
class Opened:
    """A source being read: the headers of the answer (`headers.known_name`) and the bytes."""

    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def is_given(headers: Mapping[str, str]) -> bool:
    return bool(headers.get(URL))


async def resolve(service: Service, call: Call, *, waits: bool) -> Source:
    """Find the source, and whether the client may read it; `waits` as of `Local`. Raises BlobError."""
    url = call.headers[URL]
    if len(url) > _MAX_URL:
        raise invalid_header(URL, url[:200], f"a URL of at most {_MAX_URL} characters")
    try:
        place = origin(url)
    except ValueError as error:
        raise invalid_header(URL, url, f"a URL {error}") from None
    headers = {known: call.headers[name] for name, known in _AS_READ.items() if call.headers.get(name)}
    host_account = address.of_host(urlsplit(url).netloc, service.host_suffixes)
    if _is_here(service, call, place, by_name=host_account is not None):
        return await _local(service, call, url, headers, host_account, waits=waits)
    service.origins.check(url)
    if "x-ms-range" in headers:
        headers["range"] = headers["x-ms-range"]
    if authorization := call.headers.get(AUTHORIZATION):
        headers["authorization"] = authorization
    version = call.headers.get("x-ms-version", "2023-11-03")
    return Remote(url, {"x-ms-version": version, **headers}, waits)


def _is_here(service: Service, call: Call, place: str, *, by_name: bool) -> bool:
    """Whether this origin is what the request itself was sent to, by whatever name of this machine, or
    `by_name` of one of its accounts. Another port is another service. What the cloud calls an account means
    ours if there is one of that name."""
    mine = origin(call.incoming.base_url)
    there, here = urlsplit(place), urlsplit(mine)
    in_the_cloud = cloud.blob_account(there.hostname or "")
    if in_the_cloud is not None:
        return in_the_cloud in service.accounts
    if (there.scheme, there.port) != (here.scheme, here.port):
        return False
    return by_name or there.hostname == here.hostname or {there.hostname, here.hostname} <= _LOOPBACK


async def _local(
    service: Service, call: Call, url: str, headers: dict[str, str], host_account: str | None, *, waits: bool
) -> Local:
    incoming = _reading(call, url)
    query = incoming.parameters
    where = address.parse(incoming.raw_path, container_meant=False, host_account=host_account)
    account = service.accounts.get(where.account)
    if account is None or not where.blob:
        reason = f"there is no blob at {url[:200]}"
        raise cannot_verify(404, CODES["ResourceNotFound"][1], "ResourceNotFound", reason)
    principal = call.principal
    foreign = where.account != call.address.account
    if authorization := call.headers.get(AUTHORIZATION):
        headers["authorization"] = authorization
    if waits or foreign or principal.roles != OWNER or "sig" in query:
        now = service.clock.wall()
        try:
            principal = await authenticate(
                service.database, incoming, where, headers, query, account, _READING, now
            )
        except BlobError as error:
            raise _unverified(error) from None
    return Local(Call(incoming, where, headers, query, principal, account), waits, foreign)


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


def _unreadable(error: BlobError, source: Local) -> BlobError:
    """What reading the source is refused with, as a refusal of the copy."""
    if not source.waits and error.status in (304, 412):
        return BlobError(error.code, error.message, status=412)
    if error.code == "InvalidRange" or (error.code == "BlobArchived" and not source.foreign):
        return error
    return _unverified(error)


def _unverified(error: BlobError) -> BlobError:
    if error.code == "NoAuthenticationInformation":
        reason = f"add a shared access signature to the URL, or send {AUTHORIZATION} with a bearer token"
        return cannot_verify(error.status, error.message, error.code, reason)
    reason = next((text for name, text in error.details if name.endswith(("Reason", "Detail"))), "")
    return cannot_verify(error.status, error.message, error.code, reason)


def find(connection: sa.Connection, source: Local, now: int, *, archived: bool = False) -> Blob:
    """The blob to copy; `archived`: also one whose content cannot be read. Raises BlobError."""
    try:
        blob = guards.existing(guards.find_slot(connection, source.call))
        guards.check_read(source.call, blob, now)
        guards.check_copying(blob)
        if source.foreign or not archived:
            tiering.check_readable(blob, now)
    except BlobError as error:
        raise _unreadable(error, source) from None
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
        raise _unreadable(error, source) from None
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
            _check_answer(source, fetched, partial="x-ms-range" in source.headers)
            yield Opened(fetched.headers, fetched.chunks)
    except OriginFailed as error:
        raise cannot_verify(502, str(error)) from None


async def probe(service: Service, source: Remote) -> Mapping[str, str]:
    """The headers of the source, without its content. Raises BlobError."""
    try:
        async with service.origins.fetch("HEAD", source.url, source.headers) as fetched:
            _check_answer(source, fetched, partial=False)
            if fetched.headers.get(tiers.HEADER) == tiers.ARCHIVE:
                raise cannot_verify(*CODES["BlobArchived"], "BlobArchived")
            return fetched.headers
    except OriginFailed as error:
        raise cannot_verify(502, str(error)) from None


def _check_answer(source: Remote, answer: Fetched, *, partial: bool) -> None:
    """Raises BlobError unless the source can be read."""
    status, code = answer.status, answer.headers.get("x-ms-error-code", "")
    if status == (206 if partial else 200):
        return
    if not source.waits and status in (304, 412):
        raise BlobError("ConditionNotMet")
    said = f"The copy source answered {status}{' to a request for a range' if partial else ''}."
    message = CODES[code][1] if code in CODES else said
    raise cannot_verify(status if status >= 400 or status == 304 else 409, message, code)


def check_no_body(call: Call) -> None:
    """Raises BlobError if there is a body beside the source."""
    length = call.headers.get("content-length", "0")
    if length != "0":
        raise invalid_header("Content-Length", length, f"0 together with {URL}")
