"""Many requests to one running service, and everything that must not come of them.

Number n of a seed is always the same request, or the same story of several, but for what it repeats of
earlier answers (entity tags, snapshots). Which of several connections is served first differs.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree

import psutil
from tests.fuzz import stories, values
from tests.fuzz.connection import Answer, Connection, NoAnswerError
from tests.fuzz.request import Account, Request, Sent, Service, authorized, changed, sent
from tests.fuzz.values import Dice

from batchite.configuration import accounts, portal_secret
from batchite.portal.sessions import Sessions
from batchite.portal.visit import ROOT
from batchite.testing import RunningService
from batchite.testing.service import running_service
from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.ticks import Timestamp

CONNECTIONS = 8
TOGETHER = 12
"""Numbers on each of them that take turns."""
PATIENCE = 60.0
"""How long an answer may take on a machine that does other things."""
FREEZE_SECONDS = 5.0
"""Of processor time, during which a service may not keep everybody waiting."""
PAUSE = 0.2
GROWTH_BYTES = 96 << 20
"""By which memory may grow once a third of the requests has been answered."""
ENOUGH = 10
"""Faults after which no more are looked for."""
AFTER_ALARM = 40
"""Lines of a log that are told beside one that alarms."""
FATAL: Final = frozenset({500, 502, 504})
LOOKED_FOR = {
    "etag": re.compile(rb"^etag: (.+)", re.MULTILINE),
    "snapshot": re.compile(rb"^x-ms-snapshot: (.+)", re.MULTILINE),
    "version": re.compile(rb"^x-ms-version-id: (.+)", re.MULTILINE),
    "node": re.compile(rb'"(tvm[^"]+)"'),
    "place": re.compile(rb'/pools/([^/"]+/nodes/tvm[^/"]+)"'),
    "token": re.compile(rb"skiptoken=([^\"&]+)"),
}
"""What answers may have that later requests repeat, in the place of its name in braces."""
ELEMENT = f"<b id={values.MARK}>".encode()
SERVICES: tuple[Service, ...] = ("batch", "blob")
CONFIG = f"""
[[batch_accounts]]
name = "{accounts.DEVELOPMENT_BATCH_NAME}"
key = "{accounts.DEVELOPMENT_BATCH_KEY}"
core_quota = 6
"""
"""So that the machine is left with something, however many nodes are asked for."""


@dataclass(frozen=True)
class Fault:
    number: int
    what: str
    sent: Sent | None = None

    def __str__(self) -> str:
        told = b" ".join(self.sent.pieces) if self.sent else b""
        return f"request {self.number}: {self.what}\n    {told[:3000]!r}"


class Campaign:
    """`seed` and a number decide what is sent."""

    def __init__(self, service: RunningService, seed: int) -> None:
        self.seed = seed
        self.faults: list[Fault] = []
        self.statuses: Counter[tuple[Service, int]] = Counter()
        self._urls = {"batch": urlsplit(service.batch_url), "blob": urlsplit(service.blob_url)}
        self._accounts = {
            "batch": Account(service.batch_account, accounts.load(service.data_dir).batch[0].key_bytes[0]),
            "blob": Account(service.storage_account, accounts.load(service.data_dir).storage[0].key_bytes[0]),
        }
        self._processes = {
            name: psutil.Process(int((service.data_dir / f"{lock}.lock").read_text()))
            for name, lock in (("batch", "batch"), ("blob", "blobs"))
        }
        self._seen = {**self._surroundings(service), **dict.fromkeys(LOOKED_FOR, "unseen")}
        self._memory: dict[Service, deque[int]] = {name: deque() for name in SERVICES}

    def _surroundings(self, service: RunningService) -> dict[str, str]:
        """What requests name as the entity tags and the like of answers, but does not change."""
        account = self._accounts["blob"]
        grant = Grant(permissions="rwdlac", expiry=Timestamp.parse("2099-01-01T00:00:00Z"))
        secret = portal_secret.load(service.data_dir)
        sessions = Sessions(secret)
        session = sessions.begin(int(time.time()))
        return {
            "batch": service.batch_url,
            "blob": service.blob_url,
            "sas": granting.for_account(account.key, account.name, "sco", grant),
            "cookie": sessions.set_cookie(session, secure=False).partition(";")[0],
            "csrf": sessions.csrf_token(session),
        }

    async def run(self, numbers: range) -> None:
        rest = iter(numbers)
        done = asyncio.Event()
        watching = [asyncio.create_task(self._watch(name, done)) for name in SERVICES]
        await asyncio.gather(*(self._work(rest) for _ in range(CONNECTIONS)))
        done.set()
        await asyncio.gather(*watching)
        self._check_memory()

    async def _work(self, numbers: Iterator[int]) -> None:
        """Several numbers at a time, of which each does a step in its turn: so what a story began has come
        somewhere before it goes on."""
        connections = {name: self._connection(name) for name in SERVICES}
        at_work: deque[tuple[int, Iterator[stories.Step]]] = deque()
        while len(self.faults) < ENOUGH:
            at_work += [(number, self._steps(number)) for number in islice(numbers, TOGETHER - len(at_work))]
            if not at_work:
                break
            number, steps = at_work.popleft()
            if step := next(steps, None):
                await self._ask(number, step, connections)
                at_work.append((number, steps))
        for connection in connections.values():
            await connection.close()

    def _steps(self, number: int) -> Iterator[stories.Step]:
        return stories.steps(f"{self.seed}:{number}", self._accounts["blob"].name)

    async def _ask(self, number: int, step: stories.Step, connections: Mapping[Service, Connection]) -> None:
        request, written = self._written(*step)
        try:
            async with asyncio.timeout(PATIENCE):
                answers = await connections[request.service].exchange(written)
        except TimeoutError:
            self._note(number, "no answer", written)
        except (NoAnswerError, OSError) as error:
            self._note(number, f"{type(error).__name__} {error}", written)
        else:
            self._judge(number, request, written, answers)

    def _connection(self, name: Service) -> Connection:
        url = self._urls[name]
        return Connection(url.hostname or "", url.port or 0)

    # making

    def _written(self, dice: Dice, made: Request) -> tuple[Request, Sent]:
        request = self._filled(changed(dice, made))
        if not request.path.startswith(ROOT):
            request = authorized(dice, request, self._accounts[request.service])
        return request, sent(dice, request, self._urls[request.service].netloc)

    def _filled(self, request: Request) -> Request:
        def filled(text: str) -> str:
            for name, value in self._seen.items():
                text = text.replace(f"{{{name}}}", value)
            return text

        query = tuple((name, filled(value)) for name, value in request.query)
        headers = tuple((name, filled(value)) for name, value in request.headers)
        body = request.body
        for name in ("blob", "sas", "node"):
            body = body.replace(b"{%b}" % name.encode(), self._seen[name].encode())
        return replace(request, path=filled(request.path), query=query, headers=headers, body=body)

    # judging

    def _note(self, number: int, what: str, written: Sent | None = None) -> None:
        self.faults.append(Fault(number, what, written))

    def _judge(self, number: int, request: Request, written: Sent, answers: list[Answer]) -> None:
        if len(answers) < written.answers and not (answers and answers[-1].is_last):
            self._note(number, "the connection was closed without an answer", written)
        for answer in answers:
            self.statuses[request.service, answer.status] += 1
            if answer.status in FATAL:
                self._note(number, f"{answer.status} {answer.body[:300]!r}", written)
            elif values.MARK in answer.headers:
                self._note(number, f"a header that was sent: {answer.headers}", written)
            elif request.service == "batch" and ELEMENT in answer.body and _is_page(answer):
                self._note(number, "an element that was sent", written)
            elif (
                answer.status >= 400 and request.is_documented and not _is_documented(request.service, answer)
            ):
                self._note(
                    number, f"no error of the service's form: {answer.status} {answer.body[:300]!r}", written
                )
            self._look(answer)

    def _look(self, answer: Answer) -> None:
        told = "".join(f"{name}: {text}\n" for name, text in answer.headers.items()).encode("latin-1")
        for name, pattern in LOOKED_FOR.items():
            if found := pattern.search(told + answer.body):
                self._seen[name] = found[1].decode("latin-1")

    # watching

    async def _watch(self, name: Service, done: asyncio.Event) -> None:
        """That the service goes on answering, whatever else it is doing, and what memory it takes."""
        connection, process = self._connection(name), self._processes[name]
        asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        while not done.is_set():
            try:
                self._memory[name].append(process.memory_info().rss)
                before = _spent(process)
                async with asyncio.timeout(PATIENCE):
                    answers = await connection.exchange(Sent((asked,), ("GET",)))
                frozen = _spent(process) - before
            except (TimeoutError, NoAnswerError, OSError, psutil.Error) as error:
                self._note(-1, f"the {name} service does not answer: {type(error).__name__} {error}")
                break
            if answers and answers[0].status != 200:
                self._note(-1, f"the {name} service is not well: {answers[0]}")
            if frozen > FREEZE_SECONDS:
                self._note(-1, f"the {name} service did nothing else for {frozen:.1f} s")
            await asyncio.sleep(PAUSE)
        await connection.close()

    def _check_memory(self) -> None:
        for name, sizes in self._memory.items():
            usual, end = max(list(sizes)[: max(1, len(sizes) // 3)], default=0), sizes[-1] if sizes else 0
            if end > usual + GROWTH_BYTES:
                self._note(-1, f"the {name} service grew from {usual >> 20} to {end >> 20} MiB")


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _is_page(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").startswith("text/html")


def _is_documented(service: Service, answer: Answer) -> bool:
    if answer.status == 304:
        return True
    with suppress(ValueError, ElementTree.ParseError):
        if service == "batch":
            return bool({"code", "message"} <= json.loads(answer.body).keys())
        return bool(ElementTree.fromstring(answer.body).findtext("Code"))  # noqa: S314 - our own
    return False


@contextmanager
def house(directory: Path) -> Iterator[tuple[RunningService, Path]]:
    """A service, and the file with what it says."""
    config, log = directory / "config.toml", directory / "log"
    config.write_text(CONFIG)
    with ExitStack() as stack:
        said = stack.enter_context(log.open("wb"))
        service = stack.enter_context(running_service(directory / "data", config=config, stderr=said))
        yield service, log


def fuzz(directory: Path, seed: int, numbers: range) -> tuple[list[str], str]:
    """What went wrong, and in a few words what was answered."""
    began = time.monotonic()
    with house(directory) as (service, log):
        before = {path.name: path.read_text() for path in service.data_dir.glob("*.lock")}
        campaign = Campaign(service, seed)
        asyncio.run(campaign.run(numbers))
        wrong = [str(fault) for fault in campaign.faults]
        if {path.name: path.read_text() for path in service.data_dir.glob("*.lock")} != before:
            wrong.append("a service process ended")
    wrong += [f"in the log: {line}" for line in islice(_alarms(log), ENOUGH)]
    told = ", ".join(
        f"{name} {status}: {count}" for (name, status), count in sorted(campaign.statuses.items())
    )
    return wrong, f"{len(numbers)} requests in {time.monotonic() - began:.0f} s; {told}"


def _alarms(log: Path) -> Iterator[str]:
    """What is no good sign, with the lines after it, among which is what was raised where."""
    rest = deque(log.read_text(errors="replace").splitlines())
    while rest:
        line = rest.popleft()
        if "Traceback" in line or " ERROR " in line or "Exception" in line:
            after = [rest.popleft() for _ in range(min(AFTER_ALARM, len(rest)))]
            yield "\n".join(told[:500] for told in (line, *after))
