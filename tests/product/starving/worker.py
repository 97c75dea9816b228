"""A client on connections of its own, which it opens while there is enough of everything."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.fuzz.batch import JSON
from tests.fuzz.connection import Answer, Connection, NoAnswerError
from tests.fuzz.request import Account, Pairs, Request, Sent, Service, authorized, sent
from tests.fuzz.values import Dice

from batchite.configuration import accounts
from batchite.testing import RunningService
from batchite.wire.batch.versions import NEWEST

PATIENCE = 60.0
"""Seconds within which an answer comes."""
SOON = 1.0
"""After so many none is waited for, while perhaps nobody can be let in."""
SIZES = (10, 100_000, 3_000_000)
"""Of blobs: in the database, in a file, and past the parser."""
JOB, CONTAINER = "job", "container"


class Worker:
    """Notes what it was promised: contents of blobs, and names of tasks."""

    def __init__(self, service: RunningService, name: str) -> None:
        self.blobs: dict[str, bytes] = {}
        self.tasks: list[str] = []
        self.outcomes: Counter[int | None] = Counter()
        """of requests by status; None: no answer"""
        known = accounts.load(service.data_dir)
        self.patience = PATIENCE
        self._name = name
        self._numbers = itertools.count()
        self._accounts: Mapping[Service, Account] = {
            "batch": Account(known.batch[0].name, known.batch[0].key_bytes[0]),
            "blob": Account(known.storage[0].name, known.storage[0].key_bytes[0]),
        }
        urls = {"batch": urlsplit(service.batch_url), "blob": urlsplit(service.blob_url)}
        self._hosts = {name: url.netloc for name, url in urls.items()}
        self._connections = {
            name: Connection(url.hostname or "", url.port or 0) for name, url in urls.items()
        }
        self._dice = Dice("calm")
        self._dice.is_calm = True

    async def ask(self, request: Request) -> Answer | None:
        signed = authorized(self._dice, request, self._accounts[request.service])
        answer = await self._exchange(request.service, sent(self._dice, signed, self._hosts[request.service]))
        self.outcomes[answer.status if answer else None] += 1
        return answer

    async def _exchange(self, service: Service, written: Sent) -> Answer | None:
        try:
            async with asyncio.timeout(self.patience):
                answers = await self._connections[service].exchange(written)
        except (TimeoutError, NoAnswerError, OSError):
            return None
        return answers[0] if answers else None

    async def close(self) -> None:
        for connection in self._connections.values():
            await connection.close()

    async def work(self) -> None:
        """A little of everything."""
        number = next(self._numbers)
        blob, task, content = f"{self._name}-{number}", f"{self._name}-{number}", self._content(number)
        if accepted(await self.ask(put_blob(blob, content)), 201):
            self.blobs[blob] = content
        if accepted(await self.ask(add_task(task)), 201):
            self.tasks.append(task)
        for known, expected in list(self.blobs.items())[-2:]:
            read = await self.ask(of_blob("GET", known))
            assert read is None or read.status != 200 or read.body == expected
        await self.ask(of_blob("GET", "", ("restype", "container"), ("comp", "list")))
        await self.ask(of_batch("GET", f"/jobs/{JOB}/tasks"))
        await self.ask(of_batch("GET", f"/jobs/{JOB}/taskcounts"))

    def _content(self, number: int) -> bytes:
        return f"{self._name} {number};".encode() * (SIZES[number % len(SIZES)] // 10)


def accepted(answer: Answer | None, status: int) -> bool:
    return answer is not None and answer.status == status


def of_blob(verb: str, name: str, *query: tuple[str, str], headers: Pairs = (), body: bytes = b"") -> Request:
    path = f"/{accounts.DEVELOPMENT_STORAGE_NAME}/{CONTAINER}" + (f"/{name}" if name else "")
    return Request("blob", verb, path, query, (("x-ms-version", "2025-01-05"), *headers), body)


def put_blob(name: str, content: bytes) -> Request:
    return of_blob("PUT", name, headers=(("x-ms-blob-type", "BlockBlob"),), body=content)


def of_batch(verb: str, path: str, body: object = None) -> Request:
    content, headers = (b"", ()) if body is None else (json.dumps(body).encode(), (("Content-Type", JSON),))
    return Request("batch", verb, path, (("api-version", NEWEST),), headers, content)


def add_task(name: str) -> Request:
    return of_batch("POST", f"/jobs/{JOB}/tasks", {"id": name, "commandLine": "/bin/true"})
