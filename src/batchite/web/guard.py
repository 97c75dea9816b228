"""The outermost application of a service.

Turns away what pages of strangers ask, gives every request its id, answers `/healthz`, hands own
endpoints to whoever serves them, and makes sure that whatever escapes becomes an error of the service's
documented form.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import Protocol

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batchite.web import exhaustion
from batchite.web.hosts import LOCAL_HOSTS, Hosts, check_origin
from batchite.web.problems import BodyIncomplete, BrokenOff, ClientGone, PathNotFound, Unavailable, WebProblem
from batchite.web.request import COMMON_KEY, REQUEST_ID_KEY, URL_KEY, new_request_id

_OF_A_BODY = frozenset({b"content-type", b"content-length"})

HEALTH_PATH = "/healthz"
KNOWN_HOSTS = 256
"""Names that were found to be the service's, so as not to look at each request's again."""
OWN_PREFIX = "/-/"

log = logging.getLogger(__name__)


class Fallback(Protocol):
    """Makes the service's documented error of a problem.

    `problem` is a WebProblem or, for a mistake of ours, any other exception (a 500 that tells the
    client nothing about it but the request id).
    """

    def __call__(self, problem: Exception, request_id: str) -> Response: ...


class Guard:
    """`own` maps prefixes below `/-/` (without a slash at the end) to applications.

    With `cors` the application itself decides what pages of other origins may ask.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        own: Mapping[str, ASGIApp],
        errors: Fallback,
        hosts: Hosts = LOCAL_HOSTS,
        cors: bool = False,
    ) -> None:
        self._app = app
        self._own = dict(own)
        self.errors = errors
        self._hosts = hosts
        self._checked_url = lru_cache(maxsize=KNOWN_HOSTS)(hosts.checked_url)
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            app = self._choose(scope)
        except WebProblem:
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        await app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[REQUEST_ID_KEY] = request_id = new_request_id()
        if scope["method"] == "HEAD":
            send = _silent_about_bodies(send)
        started = False

        def watched(message: Message) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        try:
            await self._choose(scope)(scope, receive, watched)
        except ClientGone:
            return
        except BrokenOff as problem:
            log.info("request %s: %s", request_id, problem)
        except Exception as error:
            answer = self._failure(error, request_id, scope)
            if not started:
                await answer(scope, receive, send)

    def _failure(self, error: Exception, request_id: str, scope: Scope) -> Response:
        problem = error if isinstance(error, WebProblem) else _explained(error, request_id, scope)
        answer = self.errors(problem, request_id)
        for name, value in scope.get(COMMON_KEY, ()):
            answer.headers[name] = value
        if isinstance(problem, BodyIncomplete):
            answer.headers["connection"] = "close"
        return answer

    def _choose(self, scope: Scope) -> ASGIApp:
        """Raises WebProblem."""
        self._admit(scope)
        path = _raw_path(scope)
        if path == HEALTH_PATH:
            return JSONResponse({"status": "ok"})
        if not path.startswith(OWN_PREFIX):
            return self._app
        app = self._own_app(path)
        if app is None:
            raise PathNotFound(path)
        return app

    def _admit(self, scope: Scope) -> None:
        """Raises Foreign and MalformedRequest. Where clients have another URL for the service than what came
        here, the scope is as if the request had come by its scheme."""
        hosts, origin = [], None
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origin = value.decode("latin-1")
        host = ",".join(hosts)
        scheme: str = scope["scheme"]
        url = self._checked_url(scheme, host) if hosts else self._hosts.url(scheme, host)
        if url != f"{scheme}://{host}":
            scope[URL_KEY] = url
            scope["scheme"] = url.partition(":")[0]
        if origin is not None and not self._cors:
            check_origin(origin, host, self._hosts.public)

    def _own_app(self, path: str) -> ASGIApp | None:
        """By the path as sent; an encoded `/-/` is not ours."""
        return next((app for prefix, app in self._own.items() if f"{path}/".startswith(f"{prefix}/")), None)


def _explained(error: Exception, request_id: str, scope: Scope) -> Exception:
    """What is logged and answered in place of what nobody has foreseen: a shortage, or a mistake of ours."""
    what = exhaustion.lacking(error)
    if what is None:
        log.error("request %s failed: %s %s", request_id, scope["method"], _raw_path(scope), exc_info=error)
        return error
    log.error("request %s failed: the service is short of %s: %s", request_id, what, error)
    return Unavailable.lacking(what)


def _silent_about_bodies(send: Send) -> Send:
    """For HEAD: an error says nothing of the body that it would have, since clients would read it then."""

    def told(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            kept = [header for header in message["headers"] if header[0].lower() not in _OF_A_BODY]
            message = {**message, "headers": kept}
        return send(message)

    return told


def _raw_path(scope: Scope) -> str:
    path: str = scope["raw_path"].decode("ascii")
    return path
