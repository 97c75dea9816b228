"""The portal on a real listener and a real database, with small stand-ins for what is behind it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from tests.batch.service import Api, DictionaryFiles, RecordingOwner
from yarl import URL

from batchite.batch import app as batch_app
from batchite.batch.feed.tail import Tail
from batchite.batch.services import Services
from batchite.configuration import entrance
from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS, KnownAccounts
from batchite.configuration.fidelity import Fidelity
from batchite.machine.clock import SystemClock
from batchite.portal.app import PortalApp
from batchite.portal.docs.app import DocsApp
from batchite.portal.following import Changes
from batchite.portal.visit import DOCS, ROOT, Place
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.web.guard import Guard
from batchite.web.listener import Listener, bind
from batchite.wire.ticks import Clock

BLOB_URL = "http://127.0.0.1:10000"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    """set by it, with all that is said of each"""
    text: str
    content: bytes


@dataclass
class Browser:
    """Asks as a browser would: with its cookies, and where a request comes from. `api` is the same service
    as programs see it."""

    api: Api
    url: str
    data_dir: Path
    clock: Clock
    _session: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, verb: str, path: str, form: Mapping[str, str] | bytes | None = None, **headers: str
    ) -> Answer:
        """`form` may be any content. Headers have `_` for `-`; an empty one is left out."""
        told = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        if verb not in ("GET", "HEAD"):
            told["origin"] = self.url
        if self.cookies:
            told["cookie"] = self.cookie
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(
            verb,
            URL(self.url + path, encoded=True),
            data=form,
            headers={name: value for name, value in told.items() if value},
            allow_redirects=False,
        ) as response:
            lines, content = response.headers.getall("set-cookie", []), await response.read()
            answer = Answer(
                response.status,
                response.headers,
                {line.partition("=")[0]: line for line in lines},
                content.decode(errors="replace"),
                content,
            )
        self._keep(lines)
        return answer

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value

    @property
    def cookie(self) -> str:
        """The header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def get(self, path: str, **headers: str) -> Answer:
        """A page below the portal's root."""
        return await self.ask("GET", f"{ROOT}{path}", **headers)

    async def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = await self.get(path)
        assert answer.status == 200, answer.text
        return answer.text

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """A form of this session's."""
        fields = {"csrf-token": await self.token(), **(form or {})}
        return await self.ask("POST", f"{ROOT}{path}", fields, **headers)

    async def token(self) -> str:
        """By which a form shows that it is of this session."""
        found = re.search(r'name="csrf-token" value="([^"]+)"', await self.page("/accounts"))
        assert found is not None
        return found[1]

    def link(self) -> str:
        """A link, as `batchite portal` prints it; a path."""
        token = entrance.issue(self.data_dir, self.clock.wall().ticks / 10_000_000)
        return f"{entrance.PATH}?token={token}"

    async def enter(self) -> None:
        """As the operator."""
        answer = await self.ask("GET", self.link(), sec_fetch_site="none")
        assert answer.status == 200

    async def enter_with_key(self, account: str, key: str, **headers: str) -> Answer:
        return await self.ask("POST", entrance.PATH, {"account": account, "key": key}, **headers)


@asynccontextmanager
async def serving(
    database: Database,
    data_dir: Path,
    *,
    clock: Clock | None = None,
    accounts: KnownAccounts = DEVELOPMENT_ACCOUNTS,
    is_read_only: bool = False,
    owner: RecordingOwner | None = None,
    blob_url: str = BLOB_URL,
) -> AsyncIterator[Browser]:
    """The Batch service with its portal, and a browser that has not come in yet."""
    clock, owner, files = clock or SystemClock(), owner or RecordingOwner(), DictionaryFiles()
    sock = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    place = Place(url, blob_url, str(data_dir), is_read_only, blob_url)
    tail = Tail(database)
    await tail.start()
    packages = PackageFiles(data_dir)
    services = Services(database, accounts, clock, owner, files, Fidelity(), packages)
    portal = PortalApp(services, place, Changes(tail))
    app = batch_app.BatchApp(database, accounts, clock, owner, files, packages)
    listener = Listener(
        Guard(app, own={ROOT: portal, DOCS: DocsApp(has_portal=True)}, errors=batch_app.fallback), sock
    )
    await listener.start()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        api = Api(url, database, owner, files, session, tail, data_dir, services)
        yield Browser(api, url, data_dir, clock, session)
    await tail.stop()
    await listener.stop()
    await portal.close()
