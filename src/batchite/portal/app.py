"""The portal as an ASGI application: who asks, what for, may they, then the view of that page."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from urllib.parse import quote, unquote

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from batchite.batch import refusals
from batchite.batch.services import Services
from batchite.configuration import portal_secret
from batchite.portal import audit, forms, headers, live, packing, rendering, sessions, static, theme
from batchite.portal.accounts.views import ROUTES as ACCOUNTS
from batchite.portal.answers import Answer, Done, NotHere, Page, Raw, Refused
from batchite.portal.applications.views import ROUTES as APPLICATIONS
from batchite.portal.blob_client.connection import Connection
from batchite.portal.entering import ENTER, LEAVE, Entrance
from batchite.portal.files.views import ROUTES as FILES
from batchite.portal.following import Changes
from batchite.portal.home.views import ROUTES as HOME
from batchite.portal.job_schedules.views import ROUTES as JOB_SCHEDULES
from batchite.portal.jobs.views import ROUTES as JOBS
from batchite.portal.nodes.views import ROUTES as NODES
from batchite.portal.pools.views import ROUTES as POOLS
from batchite.portal.routes import Route
from batchite.portal.sessions import Session, Sessions
from batchite.portal.storage.routes import ROUTES as STORAGE
from batchite.portal.tasks.views import ROUTES as TASKS
from batchite.portal.visit import ROOT, Place, Visit
from batchite.web.problems import (
    BodyIncomplete,
    BrokenOff,
    ClientGone,
    Foreign,
    PathNotFound,
    VerbNotAllowed,
    WebProblem,
)
from batchite.web.request import Incoming
from batchite.web.router import Match, Router
from batchite.wire.batch.errors import BatchError

ROUTES: tuple[Route, ...] = (
    *HOME,
    *ACCOUNTS,
    *POOLS,
    *NODES,
    *JOBS,
    *JOB_SCHEDULES,
    *TASKS,
    *APPLICATIONS,
    *FILES,
    *STORAGE,
)
TOKEN_FIELD, TOKEN_HEADER = "csrf-token", "x-csrf-token"
_READING = ("GET", "HEAD")
_SAME = ("same-origin", "none")

log = logging.getLogger(__name__)


class PortalApp:
    """Below `/-/portal`. Raises OSError if the secret of the data directory cannot be had."""

    def __init__(self, services: Services, place: Place, changes: Changes) -> None:
        self._services = services
        self._changes = changes
        self._place = place
        self._sessions = Sessions(portal_secret.load(Path(place.data_dir)))
        self._entrance = Entrance(self._sessions, services.accounts, services.clock, place)
        self._router = Router((route.verb, route.path, route) for route in ROUTES)
        self._page_headers = headers.of_pages(place.blob_url)
        self._note_cookie = f"{self._sessions.cookie_name}-note"
        self._connection = Connection(services.clock, place.authority)

    async def close(self) -> None:
        await self._connection.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Incoming(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Incoming) -> Response:
        session: Session | None = None
        try:
            _check_source(request)
            if request.raw_path.startswith(f"{static.PATH}/"):
                return _static(request)
            session = self._entrance.session(request)
            return await self._serve(request, session)
        except (ClientGone, BodyIncomplete, BrokenOff):
            raise
        except Exception as error:
            return self._refusal(request, session, error)

    async def _serve(self, request: Incoming, session: Session | None) -> Response:
        if request.raw_path == ENTER:
            return await self._entrance.enter(request)
        if request.raw_path == ROOT:
            return RedirectResponse(f"{ROOT}/", 308, self._page_headers)
        if session is None:
            is_stream = request.raw_path == live.PATH
            return live.gone(self._page_headers) if is_stream else self._entrance.ask(request)
        match = self._match(request)
        visit = await self._visit(request, session, match)
        if request.verb not in _READING:
            self._check_token(request, visit)
        if match is None:
            is_leaving = request.raw_path == LEAVE
            return self._entrance.leave(request, session) if is_leaving else await self._live(visit)
        response = await self._do(visit, match.target)
        return self._renewed(request, session, response)

    def _match(self, request: Incoming) -> Match[Route] | None:
        """None: somebody leaves, or follows a page."""
        if (request.verb, request.raw_path) in (("POST", LEAVE), ("GET", live.PATH)):
            return None
        return self._router.match("GET" if request.verb == "HEAD" else request.verb, request.raw_path)

    async def _visit(self, request: Incoming, session: Session, match: Match[Route] | None) -> Visit:
        has_form = request.verb not in _READING and not (match and match.target.takes_stream)
        return Visit(
            request=request,
            services=self._services,
            place=self._place,
            connection=self._connection,
            session=session,
            csrf_token=self._sessions.csrf_token(session),
            params=match.params if match else {},
            form=await forms.read(request) if has_form else {},
            now=self._services.clock.now(),
        )

    def _check_token(self, request: Incoming, visit: Visit) -> None:
        given = request.headers.get(TOKEN_HEADER) or visit.form.get(TOKEN_FIELD, "")
        if not self._sessions.is_csrf_token(visit.session, given):
            raise Refused(
                403, "This form is of another session. Go back, load the page again, and repeat it."
            )

    async def _do(self, visit: Visit, route: Route) -> Response:
        _check_role(route, visit.session)
        if route.is_form:
            _check_can_change(visit)
        if route.verb == "GET" or route.is_question:
            return self._answered(visit, await route.view(visit))
        return await self._change(visit, route)

    def _answered(self, visit: Visit, answer: Answer) -> Response:
        match answer:
            case Page():
                return self._page(visit, answer)
            case Done():
                return self._done(visit, answer)
            case Raw():
                return answer.response

    async def _change(self, visit: Visit, route: Route) -> Response:
        """With a line in the log, whatever comes of it."""
        what = f"{route.verb} {unquote(visit.path)}"
        try:
            _check_can_change(visit)
            if self._services.owner.is_stopping:
                raise Refused(503, "The service is stopping and changes nothing until it is started again.")
            answer = await route.view(visit)
        except Exception as error:
            audit.note(visit.session.who, what, f"refused, {error}")
            raise
        result = answer.what
        if result:
            audit.note(visit.session.who, what, result)
        return self._answered(visit, answer)

    async def _live(self, visit: Visit) -> Response:
        """The page of which `?of=` is the URL, as it changes."""
        target = visit.query("of")
        if self._changes.is_full or not (target.isascii() and target.startswith(f"{ROOT}/")):
            return Response(status_code=204, headers=self._page_headers)
        request = visit.request.elsewhere(target)
        match = self._router.match("GET", request.raw_path)
        _check_role(match.target, visit.session)

        async def again() -> tuple[Page, dict[str, object]]:
            now = self._services.clock.now()
            seen = dataclasses.replace(
                visit, request=request, params=match.params, now=now, is_following=True
            )
            if self._entrance.session(visit.request) is None:
                raise Refused(401, "The session is over.")
            answer = await match.target.view(seen)
            if not isinstance(answer, Page):
                raise NotHere("The page leads elsewhere.")
            return answer, {**_layout_values(seen, ""), **answer.values}

        try:
            page, _ = await again()
        except (BatchError, NotHere, Refused):
            return live.gone(self._page_headers)
        account = dataclasses.replace(visit, params=match.params).account.name
        was = visit.request.headers.get("last-event-id") or visit.query("was")
        return live.Stream(visit.request, self._changes, account, page, again, was, self._page_headers)

    def _done(self, visit: Visit, done: Done) -> Response:
        """Leads to the page that shows what came of it, which tells it once."""
        response: Response = RedirectResponse(done.to, 303, self._page_headers)
        if visit.request.headers.get("hx-request") == "true":
            response = Response(status_code=204, headers={**self._page_headers, "hx-redirect": done.to})
        response.headers.append("set-cookie", self._note(self._sessions.sealed(visit.session, done.what), 30))
        return response

    def _note(self, value: str, seconds: int) -> str:
        return f"{self._note_cookie}={value}; Path={ROOT}; Max-Age={seconds}; HttpOnly; SameSite=Strict"

    def _page(self, visit: Visit, page: Page) -> Response:
        note = sessions.cookie(visit.request.headers.get("cookie", ""), self._note_cookie)
        told = self._sessions.unsealed(visit.session, note)
        values = {**_layout_values(visit, told), **page.values}
        if page.watches:
            values["live"] = f"{live.PATH}?of={quote(visit.target, safe='')}"
        html = rendering.page(page.template, values)
        response = packing.page(
            visit.request, html, page.status, self._page_headers, is_secret=page.is_secret
        )
        if note:
            response.headers.append("set-cookie", self._note("", 0))
        return response

    def _renewed(self, request: Incoming, session: Session, response: Response) -> Response:
        later = self._sessions.renewed(session, self._entrance.now())
        if later is not session:
            secure = request.scheme == "https"
            response.headers.append("set-cookie", self._sessions.set_cookie(later, secure=secure))
        return response

    def _refusal(self, request: Incoming, session: Session | None, error: Exception) -> Response:
        status, title, text = _explained(error)
        if status == 500:
            log.error(
                "request %s failed: %s %s", request.request_id, request.verb, request.raw_path, exc_info=error
            )
        values = {"title": title, "text": text, "status": status, "request_id": request.request_id}
        values |= {"is_in": session is not None, "theme": theme.chosen(request), "root": ROOT}
        told = dict(self._page_headers)
        if isinstance(error, VerbNotAllowed):
            told["allow"] = ", ".join(error.allowed)
        if _is_script(request):
            return PlainTextResponse(text, status, told)
        return packing.page(request, rendering.page("layout/error.html", values), status, told)


def _is_script(request: Incoming) -> bool:
    """Whether what asks shows the answer itself, rather than as a page or as a part of one."""
    return request.headers.get("sec-fetch-dest") == "empty" and "hx-request" not in request.headers


def _layout_values(visit: Visit, note: str) -> dict[str, object]:
    """What every page has, whatever its view says."""
    return {"visit": visit, "note": note, "theme": theme.chosen(visit.request), "live": ""}


def _check_role(route: Route, session: Session) -> None:
    """Raises Refused."""
    if route.for_operator and not session.is_operator:
        raise Refused(403, "Only the operator of the service may see this: come in by `batchite portal`.")


def _check_can_change(visit: Visit) -> None:
    """Raises Refused."""
    if not visit.can_change:
        raise Refused(403, "The portal of this service is for reading only (setting `portal`).")


def _check_source(request: Incoming) -> None:
    """Browsers tell where a request comes from. Links from anywhere lead to pages; nothing else of what
    strangers ask is done, and no change without being told that it is ours. Raises Foreign."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    is_link = request.verb in _READING and request.headers.get("sec-fetch-mode") == "navigate"
    is_page = request.headers.get("sec-fetch-dest", "document") == "document"
    if site not in _SAME and not (is_link and is_page):
        raise Foreign("Sec-Fetch-Site", site, "has to be same-origin; the portal is for its own pages")
    if request.verb not in _READING and "origin" not in request.headers:
        raise Foreign("Origin", "", "has to be named by whatever changes something")


def _static(request: Incoming) -> Response:
    if request.verb not in _READING:
        raise VerbNotAllowed(request.verb, _READING)
    tag, _, name = request.raw_path.removeprefix(f"{static.PATH}/").partition("/")
    return static.serve(request, tag, name)


def _explained(error: Exception) -> tuple[int, str, str]:
    """Status, title and text of the page that tells of it; nothing is told of a mistake of ours."""
    match error:
        case NotHere():
            return 404, "Not here", str(error)
        case Refused():
            return error.status, "Not done", str(error)
        case BatchError():
            return error.status, "Not here" if error.status == 404 else "Not done", error.message
        case PathNotFound():
            return 404, "Not here", "The portal has no such page."
        case WebProblem():
            found = refusals.as_error(error)
            return found.status, "Not done", str(error)
        case _:
            return 500, "Something went wrong", "The service met a mistake of its own; its log says more."
