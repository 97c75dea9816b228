"""Requests to the Batch service: its operations, with all that they take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tests.fuzz import bodies, values
from tests.fuzz.request import Request
from tests.fuzz.values import Dice

from batchite.batch import absent
from batchite.batch.app import OPERATIONS
from batchite.batch.explaining import api as explaining
from batchite.batch.feed import api as events
from batchite.batch.feed.cursors import Cursors, Position
from batchite.batch.operations import Operation
from batchite.store.batch import filtering
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.files import BatchNodeFile
from batchite.wire.batch.models.jobs import BatchJobCreateOptions, BatchJobTerminateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, BatchTaskGroup
from batchite.wire.batch.odata.fields import Table
from batchite.wire.batch.versions import REGISTRY
from batchite.wire.batch.versions.registry import Version

VERSIONS = tuple(REGISTRY)
JSON = "application/json; odata=minimalmetadata"
BODIES: Mapping[str, type[Model]] = {
    "Pool_Add": BatchPoolCreateOptions,
    "Job_Add": BatchJobCreateOptions,
    "Job_Update": BatchJobCreateOptions,
    "Job_Patch": BatchJobCreateOptions,
    "Job_Terminate": BatchJobTerminateOptions,
    "Task_Add": BatchTaskCreateOptions,
    "Task_AddCollection": BatchTaskGroup,
}
LISTED: Mapping[str, Table[Any]] = {
    "Pool": filtering.POOLS,
    "Job": filtering.JOBS,
    "Task": filtering.TASKS,
    "ComputeNode": filtering.NODES,
    "Account": filtering.NODE_COUNTS,
    "File": Table(BatchNodeFile, {}),
}
"""What is filtered and selected, by the first word of an operation's name."""
CURSOR = Cursors("devbatch").text(Position(3, 1))
KNOWN: Mapping[str, Sequence[str]] = {
    "poolId": bodies.IDS[:3],
    "jobId": bodies.IDS[:4],
    "taskId": bodies.IDS,
    "nodeId": ("{node}",),
    "filePath": ("stdout.txt", "wd", "wd/a", "startup/stdout.txt", "shared", ""),
}
QUESTIONS = tuple(explaining.QUESTIONS)
STRANGE_VERBS = ("GET", "PUT", "PATCH", "OPTIONS", "get", "BREW")
CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
HEADERS = (
    *CONDITIONS, "ocp-range", "Range", "client-request-id", "return-client-request-id", "Accept",
    "Content-Encoding", "Content-Type", "Origin", "X-Forwarded-For", "Forwarded", "Cookie", "x-ms-version",
)  # fmt: skip
OFTEN = {
    "Pool_Add", "Job_Add", "Task_Add", "Task_AddCollection", "Task_Terminate", "Task_Delete", "Task_List",
}  # fmt: skip
_WEIGHTS = [0.05 if absent.is_absent(entry) else 4 if entry.name in OFTEN else 1 for entry in OPERATIONS]
_DELETING = {"Pool_Delete": 0.2, "Job_Delete": 0.2, "Job_Terminate": 0.3}
"""How often such a request is really made, so that the others find something."""


def request(dice: Dice) -> Request:
    if dice.seldom(0.02):
        return _of_an_agent(dice)
    if dice.seldom(0.02):
        return _why(dice)
    if dice.seldom(0.02):
        return _events(dice)
    (operation,) = dice.choices(OPERATIONS, _WEIGHTS)
    if dice.random() > _DELETING.get(operation.name, 1):
        operation = next(entry for entry in OPERATIONS if entry.name == "Task_Add")
    verb = dice.choice(STRANGE_VERBS) if dice.seldom(0.02) else operation.verb
    headers = [("Content-Type", JSON)] if verb in ("POST", "PUT", "PATCH") else []
    headers += [(name, _header(dice, name)) for name in HEADERS if dice.seldom(0.01)]
    version = dice.choice(VERSIONS if dice.seldom(0.05) else _versions(operation))
    query = [("api-version", version.text), *_query(dice, operation, version)]
    body = _body(dice, operation, verb, version)
    return Request("batch", verb, path(dice, operation.path), tuple(query), tuple(headers), body)


def _why(dice: Dice) -> Request:
    """Questions of ours, to which nothing may be answered but an explanation or a refusal."""
    verb = dice.choice(STRANGE_VERBS) if dice.seldom(0.1) else "GET"
    query = ((values.text(dice), values.text(dice)),) if dice.seldom(0.1) else ()
    return Request("batch", verb, path(dice, explaining.PATH + dice.choice(QUESTIONS)), query)


def _events(dice: Dice) -> Request:
    """What has happened, from strange cursors on; nobody waits for more, or the run would."""
    verb = dice.choice(STRANGE_VERBS) if dice.seldom(0.1) else "GET"
    known = {"cursor": ("begin", "now", CURSOR), "kinds": ("task", "pool,node"), "maxresults": ("1", "1000")}
    query = [
        (name, values.text(dice) if dice.seldom(0.2) else dice.choice(texts))
        for name, texts in (*known.items(), ("job", KNOWN["jobId"]), ("pool", KNOWN["poolId"]))
        if dice.seldom(0.4)
    ]
    if dice.seldom(0.1):
        query.append((values.text(dice), values.text(dice)))
    return Request("batch", verb, events.PATH, tuple(query))


def _versions(operation: Operation) -> Sequence[Version]:
    """Those that have it."""
    last = operation.until or REGISTRY.newest.text
    return [version for version in VERSIONS if operation.since <= version.text <= last]


def _of_an_agent(dice: Dice) -> Request:
    """What nodes use; a stranger has no business there."""
    asked = dice.choice(
        ("/-/nodes", "/-/nodes/1", "/-/transfers/1", "/-/transfers/%2e%2e", "/-/", "/healthz")
    )
    upgrade = (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "A" * 22 + "=="))
    version = (("Sec-WebSocket-Version", dice.choice(("13", "8"))),)
    headers = (("Authorization", f"Bearer {values.text(dice)}"), *dice.choice(((), (*upgrade, *version))))
    return Request("batch", dice.choice(("GET", "GET", "PUT", "POST")), asked, headers=headers)


def path(dice: Dice, template: str) -> str:
    def filled(match: re.Match[str]) -> str:
        known = KNOWN.get(match[1], ("none",))
        text = values.text(dice) if dice.seldom(0.06) else dice.choice(known)
        return quote(text.encode("utf-8", "surrogatepass"), safe="{}%" if dice.seldom(0.2) else "{}")

    return re.sub(r"\{(\w+)(?:\.\.\.)?\}", filled, template)


def _body(dice: Dice, operation: Operation, verb: str, version: Version) -> bytes:
    if verb not in ("POST", "PUT", "PATCH"):
        return b""
    model = BODIES.get(operation.name)
    if model is None or dice.seldom(0.02):
        model = dice.choice(bodies.MODELS)
    return bodies.body(dice, model, version)


def _query(dice: Dice, operation: Operation, version: Version) -> list[tuple[str, str]]:
    names = [name for name in sorted(operation.query) if dice.seldom(0.05 if name == "$skiptoken" else 0.4)]
    found = [(name, _parameter(dice, name, operation, version)) for name in names]
    return [*found, ("timeOut", values.text(dice))] if dice.seldom(0.02) else found


def _parameter(dice: Dice, name: str, operation: Operation, version: Version) -> str:
    known = LISTED[operation.name.partition("_")[0]]
    if dice.seldom(0.1):
        return values.text(dice)
    match name:
        case "$filter":
            return filter_text(dice, list(known.properties) or ["none"])
        case "$select":
            names = sorted(version.names(known.model))
            return ",".join(dice.choices(names, k=dice.choice((1, 3)))) * (300 if dice.seldom(0.05) else 1)
        case "$expand":
            return "stats"
        case "maxresults":
            return str(dice.choice(values.NUMBERS if dice.seldom(0.3) else (1, 2, 1000)))
        case "$skiptoken":
            return "{token}"
        case _:
            return dice.choice(("true", "false"))


def filter_text(dice: Dice, names: Sequence[str], depth: int = 3) -> str:
    """Words of the grammar, mostly in their places."""
    text = _expression(dice, names, depth)
    if dice.seldom(0.2):
        text = values.damaged(dice, text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
    if dice.seldom(0.05):
        text = dice.choice(("(" * 900 + text, "not " * 900 + text, " and ".join([text] * 300)))
    return text


def _expression(dice: Dice, names: Sequence[str], depth: int) -> str:
    if depth and dice.random() < 0.3:
        left, right = (_expression(dice, names, depth - 1) for _ in range(2))
        return dice.choice((f"{left} and {right}", f"({left}) or ({right})", f"not ({left})", f"({left})"))
    name = values.text(dice) if dice.seldom(0.1) else dice.choice(names)
    if name == "id" or dice.seldom(0.2):
        return f"startswith({name}, {_literal(dice, name)})"
    operator = dice.choice(("gt", "ge", "lt", "le", "has", "=") if dice.seldom(0.2) else ("eq", "ne"))
    return f"{name} {operator} {_literal(dice, name)}"


def _literal(dice: Dice, name: str) -> str:
    if dice.seldom(0.3):
        quoted = "'" + values.text(dice).replace("'", dice.choice(("''", "'"))) + "'"
        return dice.choice((quoted, values.text(dice), "true", "null", "5"))
    if "Time" in name or "lastModified" in name:
        return f"datetime'{dice.choice(values.TIMES if dice.seldom(0.3) else values.TIMES[:4])}'"
    return dice.choice(("'active'", "'running'", "'one'", "'it''s'"))


def _header(dice: Dice, name: str) -> str:
    if "Range" in name or "range" in name:
        return dice.choice(("bytes=0-", "bytes=1-2", "bytes=5-1", "bytes=-1", f"bytes={values.text(dice)}-"))
    if name in CONDITIONS and dice.seldom(0.7):
        return dice.choice(
            ("*", '"0x8D0000000000000"', '""', "0x" + "f" * 40, ",".join(['"0x1"'] * 200), *values.TIMES)
        )
    return values.text(dice)
