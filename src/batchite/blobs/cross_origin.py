"""CORS: answers to browsers that ask for pages of other origins, and who of those is turned away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchite.blobs.answers import Answer, Headers
from batchite.blobs.authentication import KnownAccount
from batchite.blobs.call import Service
from batchite.store.blobs import services as rows
from batchite.web import hosts
from batchite.web.principal import Principal
from batchite.web.request import Incoming
from batchite.wire.blob import cors
from batchite.wire.blob.cors import CorsRule
from batchite.wire.blob.errors import BlobError

MAX_AGE = 600
"""Seconds for which a browser need not ask again."""


async def preflight(service: Service, account: str, headers: Mapping[str, str]) -> Answer:
    """What a browser asks beforehand, without credentials. Raises BlobError."""
    rules = await _rules(service, account, headers.get("origin", ""))
    return Answer(200, cors.preflight(rules, headers))


async def answer_headers(service: Service, account: str, origin: str, verb: str) -> Headers:
    """For every answer to a request that has an Origin; `cors.expose` finishes them."""
    return cors.answer(await _rules(service, account, origin), origin, verb)


async def check(service: Service, account: KnownAccount, incoming: Incoming, principal: Principal) -> None:
    """Any page can sign with a key that everybody knows; then it is a rule that has to let it in.

    What is public stays so, and a key of one's own is enough, as it is in the cloud. Raises BlobError
    AuthorizationFailure.
    """
    origin = incoming.headers["origin"]
    if (
        not account.is_well_known
        or principal.scheme == "anonymous"
        or hosts.is_own(origin, incoming.host, incoming.base_url)
    ):
        return
    if not any(rule.fits(origin, incoming.verb) for rule in await _rules(service, account.name, origin)):
        reason = (
            f"no CORS rule of the account allows {incoming.verb} to pages of {origin[:100]}, and everybody "
            "knows the account's key; add a rule by Set Blob Service Properties"
        )
        raise BlobError("AuthorizationFailure", details=(("Reason", reason),))


def pages(origins: Sequence[str]) -> CorsRule:
    """What the service's own pages on these origins may ask, whatever the account's rules; it is none of
    those, and no list of them shows it."""
    return CorsRule(tuple(origins), cors.METHODS, ("*",), ("*",), MAX_AGE)


async def _rules(service: Service, account: str, origin: str) -> tuple[CorsRule, ...]:
    if origin in service.pages.origins:
        return (service.pages,)
    found = await service.database.look(lambda connection: rows.find(connection, account))
    return found.cors
