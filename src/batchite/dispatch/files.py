"""Files of nodes: questions over the link, contents over a connection of their own.

An agent that is asked for contents POSTs them to a URL that is good once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchite.dispatch.questions import ANSWER_SECONDS, Questions
from batchite.link.messages import (
    DeleteFile,
    FileDeleted,
    FileEntry,
    FileFailed,
    FilesListed,
    FileStatus,
    FromAgent,
    ListFiles,
    Message,
    SendFile,
    StatFile,
)
from batchite.ports.node_files import NodeFileError, NodeUnreachableError
from batchite.web.problems import WebProblem
from batchite.web.request import Incoming

STALLED_SECONDS = 60.0
"""How long a node may pause in the middle of a file."""
TRANSFERS = "/-/transfers"

Answer = TypeVar("Answer", FilesListed, FileStatus, FileDeleted)


@dataclass(slots=True)
class _Transfer:
    """Chunks on their way from the agent's POST to whoever reads them; a short queue holds the
    sender back. None ends it, an exception breaks it."""

    chunks: asyncio.Queue[bytes | Exception | None] = field(default_factory=lambda: asyncio.Queue(4))
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)


class LinkedFiles:
    """Implements `ports.NodeFiles`; also the ASGI app that takes the transfers."""

    def __init__(self, questions: Questions, *, stalled: float = STALLED_SECONDS) -> None:
        self._questions = questions
        self._stalled = stalled
        self._transfers: dict[str, _Transfer] = {}

    async def listing(self, node_id: str, directory: str, *, recursive: bool) -> Sequence[FileEntry]:
        return (await self._ask(node_id, lambda n: ListFiles(n, directory, recursive), FilesListed)).files

    async def status(self, node_id: str, path: str) -> FileEntry:
        return (await self._ask(node_id, lambda n: StatFile(n, path), FileStatus)).file

    async def delete(self, node_id: str, path: str, *, recursive: bool) -> None:
        await self._ask(node_id, lambda n: DeleteFile(n, path, recursive), FileDeleted)

    async def read(self, node_id: str, path: str, offset: int, length: int) -> AsyncIterator[bytes]:
        token = secrets.token_urlsafe(24)
        transfer = self._transfers[token] = _Transfer()
        first = asyncio.ensure_future(transfer.chunks.get())
        url = f"{TRANSFERS}/{token}"
        try:
            with self._questions.asked(node_id, lambda n: SendFile(n, path, offset, length, url)) as refusal:
                done, _ = await asyncio.wait(
                    (refusal, first), timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    raise NodeUnreachableError(node_id)
                if refusal in done:
                    raise _error_of(refusal.result(), node_id)
        except BaseException:
            self._abandon(token, transfer, first)
            raise
        return self._chunks(token, transfer, first)

    async def _chunks(
        self, token: str, transfer: _Transfer, first: asyncio.Future[bytes | Exception | None]
    ) -> AsyncIterator[bytes]:
        try:
            chunk = await first
            while chunk is not None:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
                async with asyncio.timeout(self._stalled):
                    chunk = await transfer.chunks.get()
        except TimeoutError:
            raise NodeUnreachableError("the node stopped in the middle of a file") from None
        finally:
            self._abandon(token, transfer, first)

    def _abandon(
        self, token: str, transfer: _Transfer, first: asyncio.Future[bytes | Exception | None]
    ) -> None:
        first.cancel()
        self._transfers.pop(token, None)
        transfer.abandoned.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: an agent's POST to a one-time URL."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close"})  # before the handshake: HTTP 403
            return
        request = Incoming(scope, receive)
        transfer = self._transfers.pop(request.raw_path.rpartition("/")[2], None)
        if transfer is None or request.verb != "POST":
            await Response("No such transfer.", 404)(scope, receive, send)
            return
        try:
            async for chunk in request.stream():
                if chunk and not await _put(transfer, chunk):
                    await Response("Nobody reads it any more.", 410)(scope, receive, send)
                    return
            await _put(transfer, None)
        except WebProblem:
            await _put(transfer, NodeUnreachableError("the node broke off"))
            raise
        await Response(status_code=204)(scope, receive, send)

    async def _ask(self, node_id: str, question: Callable[[int], Message], kind: type[Answer]) -> Answer:
        answer = await self._questions.ask(node_id, question)
        if isinstance(answer, kind):
            return answer
        raise _error_of(answer, node_id)


def _error_of(answer: FromAgent, node_id: str) -> Exception:
    if isinstance(answer, FileFailed) and answer.reason in (
        "not-found",
        "is-directory",
        "not-empty",
        "outside",
    ):
        return NodeFileError(answer.reason)  # type: ignore[arg-type]
    return NodeFileError("unreadable") if isinstance(answer, FileFailed) else NodeUnreachableError(node_id)


async def _put(transfer: _Transfer, item: bytes | Exception | None) -> bool:
    """Hand a chunk over; False if nobody reads any more."""
    putting = asyncio.ensure_future(transfer.chunks.put(item))
    leaving = asyncio.ensure_future(transfer.abandoned.wait())
    await asyncio.wait((putting, leaving), return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if putting.done():
        return not transfer.abandoned.is_set()
    putting.cancel()
    return False
