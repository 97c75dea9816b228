"""Application packages for the nodes of an account: which one a reference means, and its content."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import msgspec
import sqlalchemy as sa
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from batchite.dispatch.links import bearer, hash_token
from batchite.link.packages import Answer, FoundPackage
from batchite.resources.applications import Reference, resolved
from batchite.store.batch import applications
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.web.request import Incoming

_PIECE = 1 << 20


class NodePackages:
    """An ASGI app for the agents, to be mounted at `link.packages.PACKAGES`."""

    def __init__(self, database: Database, files: PackageFiles) -> None:
        self._database = database
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close"})  # before the handshake: HTTP 403
            return
        answer = await self._answer(Incoming(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Incoming) -> Response:
        _, _, _, node_id, *rest = [*request.raw_path.split("/"), ""]
        token = bearer(request.headers.get("authorization", ""))
        account = await self._account(node_id, token) if token else None
        if account is None:
            return PlainTextResponse("The node is not known.", 403)
        match request.verb, rest:
            case "GET", ["find", ""]:
                return await self._find(account, request)
            case "GET", ["content", digest, ""]:
                return await self._content(account, digest)
            case _:
                return PlainTextResponse("There is no such thing.", 404)

    async def _account(self, node_id: str, token: str) -> str | None:
        hashed = hash_token(token)
        return await self._database.read(lambda c: applications.account_of_node(c, node_id, hashed))

    async def _find(self, account: str, request: Incoming) -> Response:
        asked = request.parameters
        reference = Reference(asked.get("application", ""), asked.get("version", ""))

        def read(connection: sa.Connection) -> Answer:
            application = applications.find(connection, account, reference.application_id)
            package = resolved(reference, application)
            if application is None or isinstance(package, str):
                return Answer(why=str(package))
            return Answer(FoundPackage(application.id, package.version, package.digest))

        content = msgspec.json.encode(await self._database.read(read))
        return Response(content, media_type="application/json")

    async def _content(self, account: str, digest: str) -> Response:
        if await self._database.read(lambda c: applications.has_content(c, account, digest)):
            try:
                file = await asyncio.to_thread(os.open, self._files.path(digest), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                pass  # it has gone at this moment
            else:
                headers = {"Content-Length": str(os.fstat(file).st_size)}
                return StreamingResponse(
                    _pieces(file), headers=headers, media_type="application/octet-stream"
                )
        return PlainTextResponse("There is no such content.", 404)


async def _pieces(file: int) -> AsyncIterator[bytes]:
    """Of a file, which is closed at the end."""
    try:
        while piece := await asyncio.to_thread(os.read, file, _PIECE):
            yield piece
    finally:
        os.close(file)
