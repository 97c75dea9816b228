"""Tokens for tasks that ask for one: made when a run is sent to its node, and kept nowhere."""

from __future__ import annotations

from typing import Final

import msgspec

from batchite.configuration.accounts import KnownAccounts
from batchite.wire.signing import task_tokens
from batchite.wire.signing.task_tokens import LIFETIME, TaskGrant
from batchite.wire.ticks import Clock

VARIABLE: Final = "AZ_BATCH_AUTHENTICATION_TOKEN"
_PROPERTY: Final = "authenticationTokenSettings"
_MARK: Final = f'"{_PROPERTY}"'.encode()


class TaskTokens:
    def __init__(self, accounts: KnownAccounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def filled(self, account: str, job: int, definition: bytes) -> bytes:
        """The definition, in JSON, of a task of the job of that number, with its token among its settings if
        it asks for one. An own setting of that name gives way."""
        if _MARK not in definition:
            return definition
        task = msgspec.json.decode(definition)
        asked = task.get(_PROPERTY) or {}
        known = self._accounts.find_batch(account)
        if "job" not in (asked.get("access") or ()) or known is None:
            return definition
        expiry = self._clock.wall() + LIFETIME
        token = task_tokens.issue(TaskGrant(account, job, expiry.ticks), known.key_bytes[0])
        own = [one for one in task.get("environmentSettings") or () if one["name"] != VARIABLE]
        settings = [*own, {"name": VARIABLE, "value": token}]
        return msgspec.json.encode(task | {"environmentSettings": settings})
