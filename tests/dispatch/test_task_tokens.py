"""A task that asks for a token finds one among its settings when it is sent to a node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.configuration.accounts import Accounts, BatchAccount
from batchite.dispatch.task_tokens import VARIABLE, TaskTokens
from batchite.machine.clock import SystemClock
from batchite.wire.signing import task_tokens
from batchite.wire.ticks import TICKS_PER_DAY

ACCOUNTS = Accounts((BatchAccount("films", ("a2V5", "b3RoZXI=")),), ())
ASKS = {"authenticationTokenSettings": {"access": ["job"]}}


def filled(account: str = "films", **task: Any) -> tuple[bytes, bytes]:
    given = json.dumps({"commandLine": "true", **task}, separators=(",", ":")).encode()
    return given, TaskTokens(ACCOUNTS, SystemClock()).filled(account, 7, given)


def test_a_token_of_its_job_for_some_days() -> None:
    own = [{"name": "A", "value": "1"}, {"name": VARIABLE, "value": "mine"}]
    _, sent = filled(environmentSettings=own, **ASKS)
    first, setting = json.loads(sent)["environmentSettings"]
    assert (first, setting["name"]) == (own[0], VARIABLE)
    token, now = setting["value"], SystemClock().wall()
    grant = task_tokens.read(token)
    task_tokens.verify(token, grant, ACCOUNTS.batch[0].key_bytes, now)
    assert (grant.account, grant.job) == ("films", 7)
    assert 0 < grant.expiry - now.ticks <= 7 * TICKS_PER_DAY


@pytest.mark.parametrize(
    ("account", "task"),
    [
        ("films", {}),
        ("films", {"authenticationTokenSettings": {}}),
        ("films", {"authenticationTokenSettings": {"access": []}}),
        ("films", {"displayName": '"authenticationTokenSettings"'}),
        ("gone", ASKS),
    ],
)
def test_who_asks_for_none_has_none(account: str, task: dict[str, Any]) -> None:
    given, sent = filled(account, **task)
    assert sent == given
