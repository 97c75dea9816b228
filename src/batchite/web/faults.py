"""Faults on request: what a test asks to go wrong, so that it can see what its program does about it.

Only a service that was started with a token for tests has this, below `/-/testing/faults`. A fault is one
of the service's documented errors, told before the operation begins, so that nothing has changed.
"""

from __future__ import annotations

import hmac
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from batchite.web.problems import InjectedFault

PATH = "/-/testing/faults"
MAX_TIMES = 1_000_000
_USUAL = ("ServerBusy", "InternalError", "OperationTimedOut", "TooManyRequests")
"""Codes that programs meet, before others of the same status."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next `times` requests of an operation are answered with a status, or with a code of the service."""

    operation: str
    status: int = 503
    code: str = ""
    times: int = 1


class Faults:
    """Those still to come, by operation; an ASGI application that takes new ones.

    `operations` are the names there are, `codes` the service's errors with their statuses. Without a
    `token` nobody can ask for any.
    """

    def __init__(self, operations: Iterable[str], codes: Mapping[str, tuple[int, str]], token: str) -> None:
        self._operations = frozenset(operations)
        self._codes = {code: status for code, (status, _) in codes.items()}
        self._token = token
        self._waiting: defaultdict[str, deque[str]] = defaultdict(deque)

    @property
    def are_waiting(self) -> bool:
        return bool(self._waiting)

    def check(self, operation: str) -> None:
        """Raises InjectedFault if this request is to fail."""
        if self._waiting and (codes := self._waiting.get(operation)):
            code = codes.popleft()
            if not codes:
                del self._waiting[operation]
            raise InjectedFault(code)

    def add(self, fault: Fault) -> None:
        """Raises ValueError for what cannot be asked for."""
        if fault.operation not in self._operations:
            raise ValueError(f"there is no operation {fault.operation!r}")
        if not 1 <= fault.times <= MAX_TIMES:
            raise ValueError(f"times is from 1 to {MAX_TIMES}, not {fault.times}")
        self._waiting[fault.operation].extend([self._code(fault)] * fault.times)

    def _code(self, fault: Fault) -> str:
        if fault.code and fault.code not in self._codes:
            raise ValueError(f"the service has no error {fault.code!r}")
        of_status = [code for code, status in self._codes.items() if status == fault.status]
        code = fault.code or next((code for code in (*_USUAL, *of_status) if code in of_status), "")
        if not code:
            statuses = sorted({status for status in self._codes.values() if status >= 400})
            raise ValueError(f"no error of the service has the status {fault.status}; there are {statuses}")
        return code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(Request(scope, receive)))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if not self._is_allowed(request):
            return Response(status_code=403)
        if request.method == "DELETE":
            self._waiting.clear()
            return Response(status_code=204)
        try:
            self.add(msgspec.json.decode(await request.body(), type=Fault))
        except ValueError as error:  # msgspec's are, too
            return PlainTextResponse(str(error), 400)
        return Response(status_code=204)

    def _is_allowed(self, request: Request) -> bool:
        """Whether the test that started the service asks."""
        given = request.headers.get("authorization", "")
        return bool(self._token) and hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())
