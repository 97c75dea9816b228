"""Requests to the portal, as a browser of the operator makes them or nobody does."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

from tests.fuzz import batch, values
from tests.fuzz.request import Request
from tests.fuzz.values import Dice

import batchite
from batchite.configuration import accounts
from batchite.portal.app import ROUTES
from batchite.portal.routes import Route
from batchite.portal.visit import ROOT

SPARED = f"{ROOT}/accounts/"
"""What changes accounts, whose keys the other requests need."""
KNOWN = {
    "account": (accounts.DEVELOPMENT_BATCH_NAME,),
    "pool": batch.KNOWN["poolId"],
    "job": batch.KNOWN["jobId"],
    "schedule": batch.KNOWN["jobScheduleId"],
    "task": batch.KNOWN["taskId"],
    "node": batch.KNOWN["nodeId"],
    "application": batch.KNOWN["applicationId"],
    "version": batch.KNOWN["version"],
    "storage": (accounts.DEVELOPMENT_STORAGE_NAME,),
    "container": ("container", "other"),
    "blob": ("block", "append", "page", "dir/a"),
    "path": batch.KNOWN["filePath"],
}
USUAL = ("1", "0", "one", "on", "requeue", "task", "state:failed", "{node}", "", *values.TIMES[:2])
_SPOKEN_OF = re.compile(r'(?:query|number|form\.get|wanted|field)\(\s*"([\w-]+)"|form\["([\w-]+)"\]')


def _spoken_of() -> list[str]:
    """The parameters and fields that stand in its code."""
    room = Path(batchite.__file__).parent / "portal"
    found = {
        name for file in room.rglob("*.py") for pair in _SPOKEN_OF.findall(file.read_text()) for name in pair
    }
    return sorted(filter(None, found))


FIELDS = _spoken_of()
OPEN = [route for route in ROUTES if route.verb == "GET" or not route.path.startswith(SPARED)]


def request(dice: Dice) -> Request:
    route: Route = dice.choice(OPEN)
    verb = dice.choice(batch.STRANGE_VERBS) if dice.seldom(0.03) else route.verb
    headers = [("Cookie", "{cookie}"), ("Origin", "{batch}"), ("x-csrf-token", "{csrf}")]
    headers += [(name, values.text(dice)) for name in ("Cookie", "Accept-Encoding") if dice.seldom(0.03)]
    asked = dice.choices(FIELDS, k=dice.choice((0, 1, 3)))
    query = tuple((name, _value(dice)) for name in asked) if verb == "GET" else ()
    content = b""
    if verb == "POST":
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        content = urlencode(
            {name: _value(dice) for name in FIELDS if dice.random() < 0.5}, errors="replace"
        ).encode()
        if dice.seldom(0.1):
            content = values.damaged(dice, content)
    return Request("batch", verb, batch.path(dice, route.path, KNOWN), query, tuple(headers), content)


def _value(dice: Dice) -> str:
    if dice.random() < 0.3:
        return values.text(dice)
    return dice.choice(
        ("1", "0", "one", "on", "requeue", "task", "state:failed", "{node}", "", *values.TIMES[:2])
    )
