"""CORS: answers to browsers that ask for pages of other origins."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.blobs.answers import Answer, Headers
from batchite.blobs.call import Service
from batchite.store.blobs import services as rows
from batchite.wire.blob import cors
from batchite.wire.blob.cors import CorsRule


async def preflight(service: Service, account: str, headers: Mapping[str, str]) -> Answer:
    """What a browser asks beforehand, without credentials. Raises BlobError."""
    return Answer(200, cors.preflight(await _rules(service, account), headers))


async def answer_headers(service: Service, account: str, origin: str, verb: str) -> Headers:
    """For every answer to a request that has an Origin; `cors.expose` finishes them."""
    return cors.answer(await _rules(service, account), origin, verb)


async def _rules(service: Service, account: str) -> tuple[CorsRule, ...]:
    found = await service.database.look(lambda connection: rows.find(connection, account))
    return found.cors
