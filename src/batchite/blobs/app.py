"""The Blob service as an ASGI application.

The way of a request: the address on the raw path, the version, the operation (a table), the account,
credentials, what is asked for and not supported, then the operation itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec
from starlette.types import Receive, Scope, Send

from batchite.blobs import answers, cross_origin, guards, operations, refusals, websites
from batchite.blobs.accounts import ServedAccounts
from batchite.blobs.answers import Answer, Headers
from batchite.blobs.authentication import KnownAccount, authenticate
from batchite.blobs.call import Call, Service
from batchite.blobs.content.base import UNAVAILABLE, StorageUnavailable
from batchite.blobs.content.store import ContentStore
from batchite.blobs.copying import Copying
from batchite.blobs.fallback import fallback as fallback
from batchite.blobs.fallback import injected
from batchite.blobs.origins import Origins
from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.fidelity import Fidelity
from batchite.store.database import Database
from batchite.web.exhaustion import is_disk_full
from batchite.web.faults import Faults
from batchite.web.problems import InjectedFault, MalformedRequest, Unavailable
from batchite.web.request import COMMON_KEY, Incoming
from batchite.wire.blob import address, cors, errors, structured
from batchite.wire.blob.address import Address
from batchite.wire.blob.errors import BlobError, naming
from batchite.wire.blob.headers import MAX_REQUEST_ID, NEWEST_VERSION, check_value, check_version
from batchite.wire.ticks import Clock, Duration

_OF_A_CONTAINER = frozenset({"container", "account"})
"""Values of `restype` with which one segment after the account is a container's name."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_REFUSALS: Headers = [("x-ms-error-code", "")]
"""What a refusal has besides what every answer has."""

_AS_THE_CLOUD = Fidelity()

log = logging.getLogger(__name__)


class BlobApp:
    """`content` must have been started. Hosts of the form `account.suffix` name their account; below one
    of `web_suffixes` they are for its website. Pages of `portal_origins` are the service's own.
    `testing_token` is for the test that may ask for faults."""

    def __init__(
        self,
        database: Database,
        content: ContentStore,
        accounts: KnownAccounts,
        clock: Clock,
        *,
        host_suffixes: Sequence[str] = (),
        web_suffixes: Sequence[str] = (),
        origins: Sequence[str] = (),
        portal_origins: Sequence[str] = (),
        testing_token: str = "",
        fidelity: Fidelity = _AS_THE_CLOUD,
    ) -> None:
        self._newest_seen = NEWEST_VERSION
        self._host_suffixes = tuple(host_suffixes)
        self._web_suffixes = tuple(web_suffixes)
        self._accounts = ServedAccounts(accounts)
        self._origins = Origins(origins)
        self.faults = Faults(map(operations.name, operations.OPERATIONS), errors.CODES, testing_token)
        self.copying = Copying(database, content, clock, self._origins)
        self._service = Service(
            database,
            content,
            clock,
            self._accounts,
            self._host_suffixes,
            self._origins,
            cross_origin.pages(portal_origins),
            self.copying,
            Duration.of(seconds=fidelity.rehydration).ticks,
            self._answer,
        )

    async def start(self) -> None:
        """Go on with the copies that an earlier process left."""
        await self.copying.resume()

    async def stop(self) -> None:
        """Leave copies under way to the next start. No request may be served any more."""
        await self.copying.stop()
        await self._origins.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = Incoming(scope, receive)
        common: Headers = []
        try:
            answer = await self._answer(incoming, common)
        except Exception:
            scope[COMMON_KEY] = cors.expose(common, [name for name, _ in (*common, *_OF_REFUSALS)])
            raise
        if "origin" in incoming.headers:
            common = cors.expose(common, [name for name, _ in (*common, *answer.headers)])
        try:
            await answers.send(answer, common, scope, receive, send)
        except StorageUnavailable as error:
            log.error("request %s failed: %s", incoming.request_id, error)
            scope[COMMON_KEY] = common
            raise Unavailable(UNAVAILABLE) from None
        finally:
            if answer.done is not None:
                answer.done()

    async def _answer(self, incoming: Incoming, common: Headers) -> Answer:
        """`common` receives the headers of every answer to this request."""
        common[:] = [("x-ms-request-id", incoming.request_id), ("x-ms-version", NEWEST_VERSION)]
        failure = answers.failure
        try:
            website = address.of_host(incoming.host, self._web_suffixes)
            if website is None:
                return await self._serve(incoming, common)
            failure = answers.failure_page
            return await websites.serve(self._service, incoming, website)
        except Exception as error:
            refusal = self._refusal(error, incoming)
            if refusal is None:
                raise
            return failure(refusal, incoming.request_id, self._service.clock.wall())

    async def _serve(self, incoming: Incoming, common: Headers) -> Answer:
        """`common` receives the headers of every answer to this request."""
        headers, query = incoming.headers, incoming.parameters
        self._greet(headers, query, common)
        where, account = self._find(incoming)
        if incoming.verb == "OPTIONS":
            return await cross_origin.preflight(self._service, where.account, headers)
        if origin := headers.get("origin"):
            common += await cross_origin.answer_headers(self._service, where.account, origin, incoming.verb)
        operation = operations.find(where.level, query, incoming.verb, headers)
        now = self._service.clock.wall()
        if where.secondary and incoming.verb not in _READING:
            reason = f"{incoming.verb} is not possible at {where.account}-secondary, which is for reading"
            raise BlobError("InsufficientAccountPermissions", details=(("Reason", reason),))
        principal = await authenticate(
            self._service.database, incoming, where, headers, query, account, operation.needs, now
        )
        if "origin" in headers:
            await cross_origin.check(self._service, account, incoming, principal)
        if self.faults.are_waiting:  # else nobody needs the operation's name
            self.faults.check(
                operations.name((where.level, query.get("restype", ""), query.get("comp", ""), incoming.verb))
            )
        refusals.check(incoming.verb, headers, query, where.level)
        call = Call(incoming, where, headers, query, principal, account)
        guards.check_form(call)
        try:
            return _said(await operation.run(self._service, call), headers)
        except BlobError as error:
            if error.code == "ContainerNotFound":
                address.check_container(where.container)
            raise naming(error, where.container, where.blob) from None

    def _greet(self, headers: Mapping[str, str], query: Mapping[str, str], common: Headers) -> None:
        """What every answer says again: the id that the client gave the request, and the version."""
        if client_id := headers.get("x-ms-client-request-id"):
            if len(client_id) > MAX_REQUEST_ID:
                raise BlobError("InvalidHeaderValue", details=(("HeaderName", "x-ms-client-request-id"),))
            common.append(("x-ms-client-request-id", check_value("x-ms-client-request-id", client_id)))
        version = check_version(headers.get("x-ms-version") or query.get("api-version"), query.get("sv"))
        if version > self._newest_seen:
            self._tell_newer(version)
        common[1] = ("x-ms-version", version)

    def _find(self, incoming: Incoming) -> tuple[Address, KnownAccount]:
        """What the request is about, and the account that it belongs to. Raises BlobError."""
        where = address.parse(
            incoming.raw_path,
            container_meant=incoming.parameters.get("restype") in _OF_A_CONTAINER,
            host_account=address.of_host(incoming.host, self._host_suffixes),
        )
        account = self._accounts.get(where.account)
        if account is None:
            reason = f"there is no storage account {where.account[:100]!r} here"
            raise BlobError("ResourceNotFound", details=(("Reason", reason),))
        return where, account

    def _tell_newer(self, version: str) -> None:
        """Once for each version, so that whoever wonders about an answer finds the reason."""
        self._newest_seen = version
        log.info(
            "a client speaks version %s; what is new in it since %s is not known here",
            version,
            NEWEST_VERSION,
        )

    def _refusal(self, error: Exception, incoming: Incoming) -> BlobError | None:
        """What to answer; None for what the guard knows better."""
        if isinstance(error, BlobError):
            return error
        if isinstance(error, InjectedFault):
            return injected(error)
        if isinstance(error, MalformedRequest):
            return BlobError("InvalidUri", details=(("Reason", str(error)),))
        if is_disk_full(error):
            log.error("request %s failed: the disk is full", incoming.request_id)
            return BlobError("InsufficientStorage")
        if isinstance(error, StorageUnavailable):
            log.error("request %s failed: %s", incoming.request_id, error)
            return BlobError("ServerBusy", details=(("Reason", UNAVAILABLE),))
        return None


def _said(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """The answer, which tells a client that sent or asked for a structured body that it was one, or is."""
    form = headers.get(structured.HEADER)
    if not form:
        return answer
    return msgspec.structs.replace(answer, headers=[*answer.headers, (structured.HEADER, form)])
