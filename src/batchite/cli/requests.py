"""Requests of commands to the services of a data directory, over HTTP as any program makes them."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeAlias, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

import click

from batchite.cli import exits, options
from batchite.configuration.accounts import BatchAccount
from batchite.configuration.endpoints import Endpoints, Service
from batchite.configuration.settings import Settings
from batchite.machine.clock import SystemClock
from batchite.wire.blob import dates
from batchite.wire.signing import shared_key
from batchite.wire.signing.shared_key import SignedRequest

VERSION = "2025-06-01"
SECONDS = 60.0
UPLOAD_SECONDS = 1800.0
PATIENCE_SECONDS = 60.0
"""How long a command that follows something waits for a service that is away."""
PAUSE_SECONDS = 0.5
"""Until it asks again."""
EMPTY: Mapping[str, str] = MappingProxyType({})
_NOTHING_THERE = (http.client.NOT_FOUND, http.client.CONFLICT, http.client.REQUESTED_RANGE_NOT_SATISFIABLE)

T = TypeVar("T")


class _Upload(NamedTuple):
    """A file that is sent, and how many bytes it has."""

    file: BinaryIO
    size: int


Content: TypeAlias = bytes | _Upload | None


def _size(content: Content) -> int:
    return content.size if isinstance(content, _Upload) else len(content or b"")


class UnreachableError(Exception):
    """Nobody answers at present; the text says where, and why."""


@contextmanager
def answered(
    endpoints: Endpoints, service: Service, request: urllib.request.Request
) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request that succeeds. Raises HTTPError; ends the command if nobody answers."""
    try:
        with reached(endpoints, service, request) as answer:
            yield answer
    except UnreachableError as error:
        exits.fail(f"{error}. Is it running?", exits.NOT_RUNNING)


@contextmanager
def reached(
    endpoints: Endpoints, service: Service, request: urllib.request.Request
) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request that succeeds. Raises HTTPError and UnreachableError, also while it is read."""
    trust = ssl.create_default_context(cafile=endpoints.bundle or None) if endpoints.tls else None
    try:
        with urllib.request.urlopen(request, timeout=_patience(request), context=trust) as answer:  # noqa: S310
            yield answer
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        what = f"the {service.capitalize()} service at {endpoints.url(service)} cannot be reached: {reason}"
        raise UnreachableError(what) from None


def _patience(request: urllib.request.Request) -> float:
    """What is uploaded is looked through before there is an answer."""
    return SECONDS if isinstance(request.data, bytes | None) else UPLOAD_SECONDS


class BatchRequests:
    """Signed requests to the Batch service; whatever is refused ends the command with its reason."""

    _reach = staticmethod(answered)

    def __init__(self, settings: Settings, account: str | None) -> None:
        self._endpoints = options.running_endpoints(settings.data_dir)
        self._account = _batch_account(settings, account)
        if self._endpoints.url("batch") is None:
            exits.fail(
                f"no Batch service has been started with the data directory {settings.data_dir}",
                exits.NOT_RUNNING,
            )

    def get(self, *path: str, **query: str) -> dict[str, Any]:
        """The resource at a path, given by its segments."""
        with self._open(_resource(path), query) as answer:
            return _document(answer)

    def find(self, *path: str, **query: str) -> dict[str, Any] | None:
        """None if there is no such thing."""
        try:
            with self._answered(_resource(path), query) as answer:
                return _document(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == http.client.NOT_FOUND:
                    return None
                self._refuse(error)

    def post(self, *path: str, body: Mapping[str, Any] | None = None, **query: str) -> None:
        """Have something done to the resource at a path, as the body says."""
        content = None if body is None else json.dumps(body).encode()
        with self._open(_resource(path), query, content, verb="POST"):
            pass

    def patch(self, *path: str, body: Mapping[str, Any]) -> None:
        """Change the resource at a path, as far as the body says."""
        with self._open(_resource(path), EMPTY, json.dumps(body).encode(), verb="PATCH"):
            pass

    def ask(self, *path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the service answers to such a body at a path, which changes nothing."""
        with self._open(_resource(path), EMPTY, json.dumps(body).encode(), verb="POST") as answer:
            return _document(answer)

    def put(self, *path: str, body: Mapping[str, Any]) -> None:
        """Have the resource at a path be what the body says."""
        with self._open(_resource(path), EMPTY, json.dumps(body).encode(), verb="PUT"):
            pass

    def put_file(self, file: Path, *path: str) -> None:
        """Have the resource at a path be what is in a file, which is sent as it is read."""
        try:
            with file.open("rb") as content:
                size = os.fstat(content.fileno()).st_size
                with self._open(_resource(path), EMPTY, _Upload(content, size), verb="PUT"):
                    pass
        except OSError as error:
            exits.fail(f"{file} cannot be read: {error.strerror}", exits.USAGE)

    def delete(self, *path: str, **query: str) -> None:
        """Remove the resource at a path, or begin to."""
        with self._open(_resource(path), query, verb="DELETE"):
            pass

    def each(self, *path: str, **query: str) -> Iterator[dict[str, Any]]:
        """A list's items, page after page."""
        target, asked = _resource(path), dict(query)
        while True:
            with self._open(target, asked) as answer:
                page = json.load(answer)
            yield from page.get("value", [])
            next_link = page.get("odata.nextLink")
            if not next_link:
                return
            target, asked = _local(next_link), {}

    def blocks(self, *path: str) -> Iterator[bytes]:
        """The content of a file, as it comes."""
        with self._open(_resource(path), {}) as answer:
            while block := answer.read1(1 << 16):
                yield block

    @contextmanager
    def _open(
        self, target: str, query: Mapping[str, str], content: Content = None, *, verb: str = "GET"
    ) -> Iterator[http.client.HTTPResponse]:
        try:
            with self._answered(target, query, content=content, verb=verb) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            with error:
                self._refuse(error)

    def _refuse(self, error: urllib.error.HTTPError) -> NoReturn:
        _refused(error)

    @contextmanager
    def _answered(
        self,
        target: str,
        query: Mapping[str, str],
        asked_for: Mapping[str, str] = EMPTY,
        *,
        content: Content = None,
        verb: str = "GET",
    ) -> Iterator[http.client.HTTPResponse]:
        """`asked_for`: further headers, with names in lower case."""
        if "api-version=" not in target:
            target = f"{target}?{urlencode({'api-version': VERSION, **query}, quote_via=quote)}"
        path, _, asked = target.partition("?")
        headers = {"ocp-date": dates.http_date(SystemClock().wall().ticks), **asked_for}
        if verb != "GET":
            headers["content-length"] = str(_size(content))
        if content is not None:
            headers["content-type"] = "application/json; odata=minimalmetadata"
        if isinstance(content, _Upload):
            headers["content-type"] = "application/zip"
        signed = SignedRequest(verb, path, parse_qsl(asked), tuple(headers.items()))
        headers["Authorization"] = shared_key.sign(signed, self._account.name, self._account.key_bytes[0])
        url = f"{self._endpoints.url('batch')}{target}"
        data = content.file if isinstance(content, _Upload) else content
        request = urllib.request.Request(url, data, headers, method=verb)  # noqa: S310
        with self._reach(self._endpoints, "batch", request) as answer:
            yield answer


class PatientRequests(BatchRequests):
    """The same, for commands that follow what happens: while the service is away they wait for it, for
    `PATIENCE_SECONDS` at most, and ask again."""

    _reach = staticmethod(reached)

    def get(self, *path: str, **query: str) -> dict[str, Any]:
        return self._patiently(lambda: super(PatientRequests, self).get(*path, **query))

    def find(self, *path: str, **query: str) -> dict[str, Any] | None:
        return self._patiently(lambda: super(PatientRequests, self).find(*path, **query))

    def part(self, *path: str, offset: int, length: int) -> bytes:
        """So many bytes of a file at most, from one on; none if there is no file or it has no more."""
        return self._patiently(lambda: self._part(_resource(path), offset, length))

    def _part(self, target: str, offset: int, length: int) -> bytes:
        headers = {"ocp-range": f"bytes={offset}-{offset + length - 1}"}
        try:
            with self._answered(target, EMPTY, headers) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code in _NOTHING_THERE:
                    return b""
                self._refuse(error)

    def _refuse(self, error: urllib.error.HTTPError) -> NoReturn:
        if error.code == http.client.SERVICE_UNAVAILABLE:  # it stops, or has too much to do
            raise UnreachableError(_reason(error))
        super()._refuse(error)

    def _patiently(self, ask: Callable[[], T]) -> T:
        deadline: float | None = None
        while True:
            try:
                return ask()
            except UnreachableError as error:
                now = time.monotonic()
                if deadline is None:
                    deadline = now + PATIENCE_SECONDS
                    click.echo(f"batchite: {error}; waiting for it", err=True)
                if now >= deadline:
                    exits.fail(f"{error}. Is it running?", exits.NOT_RUNNING)
            time.sleep(PAUSE_SECONDS)


def _resource(path: tuple[str, ...]) -> str:
    return "".join(f"/{quote(segment, safe='')}" for segment in path)


def _document(answer: http.client.HTTPResponse) -> dict[str, Any]:
    """What an answer has, without what it says of its form."""
    found: dict[str, Any] = json.load(answer)
    found.pop("odata.metadata", None)
    return found


def _local(url: str) -> str:
    """Path and query of a URL; where the service is, is known, whatever it thinks it is called."""
    return "/" + url.split("://", 1)[-1].partition("/")[2]


def _batch_account(settings: Settings, name: str | None) -> BatchAccount:
    known = options.known_accounts(settings.data_dir)
    found = known.find_batch(name) if name else known.batch[0]
    if found is None:
        names = ", ".join(account.name for account in known.batch)
        exits.fail(f"no Batch account {name!r}; there are {names}", exits.USAGE)
    return found


def _refused(error: urllib.error.HTTPError) -> NoReturn:
    code = exits.NOT_FOUND if error.code == http.client.NOT_FOUND else exits.FAILED
    exits.fail(_reason(error), code)


def _reason(error: urllib.error.HTTPError) -> str:
    """What the service says, in its first line."""
    try:
        document = json.load(error)
        first = str(document["message"]["value"]).splitlines()[0]
        return f"{first} ({document['code']})"
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return f"the service answered {error.code} {error.reason}"
