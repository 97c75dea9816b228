"""Coming in, by a link that is good once or with an account's key, and leaving."""

from __future__ import annotations

import hmac
import ipaddress
from pathlib import Path

from starlette.responses import HTMLResponse, RedirectResponse, Response

from batchite.configuration import entrance
from batchite.configuration.accounts import BatchAccount, KnownAccounts
from batchite.portal import audit, forms, headers, rendering
from batchite.portal.sessions import Session, Sessions
from batchite.portal.throttle import Throttle
from batchite.portal.visit import ROOT, Place
from batchite.web.request import Incoming
from batchite.wire.ticks import TICKS_PER_SECOND, Clock

ENTER = entrance.PATH
LEAVE = f"{ROOT}/leave"
TO = "to"
"""the field with the page that was asked for"""

_NO_KEY = b"\0" * 64
"""compared with where there is no such account, so that it takes as long"""


class Entrance:
    """`ENTER` and what stands in front of every page."""

    def __init__(self, sessions: Sessions, accounts: KnownAccounts, clock: Clock, place: Place) -> None:
        self._sessions = sessions
        self._accounts = accounts
        self._clock = clock
        self._place = place
        self._throttle = Throttle()

    def now(self) -> int:
        """Seconds of the machine's clock."""
        return self._clock.wall().ticks // TICKS_PER_SECOND

    def session(self, request: Incoming) -> Session | None:
        """Whose request it is. A session ends with the key that it was opened with."""
        session = self._sessions.read(request.headers.get("cookie", ""), self.now())
        if session is None or session.is_operator:
            return session
        account = self._accounts.find_batch(session.account)
        known = [self._sessions.fingerprint(key) for key in account.keys] if account else []
        return session if session.key in known else None

    async def enter(self, request: Incoming) -> Response:
        """The page that asks for a key, or what comes of a link or a key."""
        if request.verb == "POST":
            return await self._by_key(request)
        token = request.parameters.get("token")
        if token is None or request.verb != "GET":  # who only asks what is there does not use the link
            return self.ask(request)
        if not entrance.redeem(Path(self._place.data_dir), token, self.now()):
            audit.note("somebody", f"opens the portal by a link from {request.client_address}", "refused")
            return self.ask(request, "This link has been used, or it is too old. Get another one.", 403)
        audit.note("operator", f"opens the portal by a link from {request.client_address}", "done")
        return self._begin(request, self._sessions.begin(self.now()), f"{ROOT}/")

    def ask(self, request: Incoming, problem: str = "", status: int = 401) -> Response:
        """The page that asks who it is, in place of the one that was asked for."""
        own = request.raw_path + (f"?{request.raw_query}" if request.raw_query else "")
        wanted = request.parameters.get(TO, "") if request.raw_path == ENTER else own
        values = {
            "problem": problem,
            "to": _own(wanted),
            "is_open_to_see": request.scheme == "http" and not _is_this_machine(request.host),
        }
        told = {**headers.of_pages(""), **headers.OF_ENTERING}
        if problem == "" and status == 401 and _comes_from_elsewhere(request):
            # a browser keeps a strict cookie to itself when it comes from a page of another site
            return _page("layout/onward.html", {"to": _own(wanted)}, 200, told)
        return _page(
            "layout/enter.html", values, 200 if request.raw_path == ENTER and not problem else status, told
        )

    async def _by_key(self, request: Incoming) -> Response:
        address = request.client_address
        wait = self._throttle.wait(address, self.now())
        if wait > 0:
            refusal = self.ask(request, "Too many wrong keys. Wait some minutes, then try again.", 429)
            refusal.headers["retry-after"] = str(int(wait) + 1)
            return refusal
        form = await forms.read(request)
        name, key = form.get("account", "").strip(), form.get("key", "").strip()
        account = self._accounts.find_batch(name)
        if not _fits(account, key) or account is None:
            self._throttle.failed(address, self.now())
            audit.note("somebody", f"opens the portal as account {name[:24]} from {address}", "refused")
            return self.ask(request, "There is no Batch account of this name with this key.", 403)
        audit.note(f"account {name}", f"opens the portal with a key from {address}", "done")
        session = self._sessions.begin(self.now(), account, key)
        return self._begin(request, session, _own(form.get(TO, "")) or f"{ROOT}/")

    def _begin(self, request: Incoming, session: Session, to: str) -> Response:
        """By a page that leads on: to a redirection of somebody else's page the cookie would not be given."""
        answer = _page("layout/onward.html", {"to": to}, 200, {**headers.of_pages(""), **headers.OF_ENTERING})
        answer.headers["set-cookie"] = self._sessions.set_cookie(session, secure=request.scheme == "https")
        return answer

    def leave(self, request: Incoming, session: Session) -> Response:
        audit.note(session.who, "leaves the portal", "done")
        answer = RedirectResponse(ENTER, 303, headers.of_pages(""))
        answer.headers["set-cookie"] = self._sessions.end_cookie(secure=request.scheme == "https")
        return answer


def _page(template: str, values: dict[str, object], status: int, told: dict[str, str]) -> Response:
    return HTMLResponse(rendering.page(template, values), status, told)


def _fits(account: BatchAccount | None, key: str) -> bool:
    """Whether it is a key of the account; every one is compared, in a time that tells nothing."""
    given = key.encode(errors="replace")
    keys = [known.encode() for known in account.keys] if account else [_NO_KEY]
    return sum(hmac.compare_digest(known, given) for known in keys) > 0


def _own(target: str) -> str:
    """The target, if it is a page of the portal: nobody is led elsewhere."""
    is_page = target.startswith(f"{ROOT}/") and not target.startswith((ENTER, LEAVE))
    return target if is_page and target.isascii() and target.isprintable() and "\\" not in target else ""


def _comes_from_elsewhere(request: Incoming) -> bool:
    told = request.headers
    return told.get("sec-fetch-site") == "cross-site" and told.get("sec-fetch-mode") == "navigate"


def _is_this_machine(host: str) -> bool:
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
