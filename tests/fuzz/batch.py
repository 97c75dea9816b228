"""Requests to the Batch service: its operations, with all that they take."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from tests.fuzz import bodies, values
from tests.fuzz.request import Request
from tests.fuzz.values import Dice

from batchite.batch.app import OPERATIONS, own_endpoints
from batchite.batch.applications.own import ApplicationChange
from batchite.batch.feed.api import Events
from batchite.batch.feed.cursors import Cursors, Position
from batchite.batch.feed.tail import Tail
from batchite.batch.operations import Operation
from batchite.batch.own import Endpoint
from batchite.batch.services import Services
from batchite.store.batch import filtering
from batchite.wire.batch.models.applications import BatchApplication
from batchite.wire.batch.models.certificates import BatchCertificateCreateOptions
from batchite.wire.batch.models.extensions import BatchNodeVMExtension
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.files import BatchNodeFile
from batchite.wire.batch.models.job_schedules import (
    BatchJobScheduleCreateOptions,
    BatchJobScheduleReplaceOptions,
    BatchJobScheduleUpdateOptions,
)
from batchite.wire.batch.models.jobs import (
    BatchJobCreateOptions,
    BatchJobDisableOptions,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
)
from batchite.wire.batch.models.logins import BatchNodeUserCreateOptions, BatchNodeUserReplaceOptions
from batchite.wire.batch.models.logs import UploadBatchServiceLogsOptions
from batchite.wire.batch.models.nodes import (
    BatchNodeDeallocateOptions,
    BatchNodeDisableSchedulingOptions,
    BatchNodeRebootOptions,
    BatchNodeReimageOptions,
)
from batchite.wire.batch.models.pools import (
    BatchNodeRemoveOptions,
    BatchPoolCreateOptions,
    BatchPoolEnableAutoScaleOptions,
    BatchPoolEvaluateAutoScaleOptions,
    BatchPoolReplaceOptions,
    BatchPoolResizeOptions,
    BatchPoolUpdateOptions,
    PoolUpgradeOSParameter,
)
from batchite.wire.batch.models.tasks import (
    BatchTaskCreateOptions,
    BatchTaskGroup,
    BatchTaskReplaceOptions,
)
from batchite.wire.batch.odata.fields import Table
from batchite.wire.batch.versions import REGISTRY
from batchite.wire.batch.versions.registry import Version

VERSIONS = tuple(REGISTRY)
JSON = "application/json; odata=minimalmetadata"
BODIES: Mapping[str, type[Model]] = {
    "Pool_Add": BatchPoolCreateOptions,
    "Pool_Patch": BatchPoolUpdateOptions,
    "Pool_UpdateProperties": BatchPoolReplaceOptions,
    "Pool_UpgradeOs": PoolUpgradeOSParameter,
    "Pool_Resize": BatchPoolResizeOptions,
    "Pool_RemoveNodes": BatchNodeRemoveOptions,
    "Pool_EnableAutoScale": BatchPoolEnableAutoScaleOptions,
    "Pool_EvaluateAutoScale": BatchPoolEvaluateAutoScaleOptions,
    "Certificate_Add": BatchCertificateCreateOptions,
    "Job_Add": BatchJobCreateOptions,
    "Job_Update": BatchJobReplaceOptions,
    "Job_Patch": BatchJobUpdateOptions,
    "Job_Disable": BatchJobDisableOptions,
    "Job_Terminate": BatchJobTerminateOptions,
    "ComputeNode_AddUser": BatchNodeUserCreateOptions,
    "ComputeNode_UpdateUser": BatchNodeUserReplaceOptions,
    "ComputeNode_Reboot": BatchNodeRebootOptions,
    "ComputeNode_Reimage": BatchNodeReimageOptions,
    "ComputeNode_Deallocate": BatchNodeDeallocateOptions,
    "ComputeNode_DisableScheduling": BatchNodeDisableSchedulingOptions,
    "ComputeNode_UploadBatchServiceLogs": UploadBatchServiceLogsOptions,
    "JobSchedule_Add": BatchJobScheduleCreateOptions,
    "JobSchedule_Update": BatchJobScheduleReplaceOptions,
    "JobSchedule_Patch": BatchJobScheduleUpdateOptions,
    "Task_Add": BatchTaskCreateOptions,
    "Task_AddCollection": BatchTaskGroup,
    "Task_Update": BatchTaskReplaceOptions,
    "POST /-/pools/{poolId}/autoscale/try": BatchPoolEvaluateAutoScaleOptions,
    "POST /-/pools/{poolId}/nodes/{nodeId}/reimage": BatchNodeReimageOptions,
    "PATCH /-/applications/{applicationId}": ApplicationChange,
}
"""What an operation or an endpoint of ours takes, by its name."""
Own = Mapping[str, Sequence[object]]
"""What properties of a body have, instead of what they usually have."""
OWN: Mapping[str, Own] = {
    "Pool_Add": {"id": bodies.IDS[:3], "targetDedicatedNodes": (1, 1, 2), "targetLowPriorityNodes": (0,)},
    "Job_Add": {"id": bodies.IDS[:4]},
    "JobSchedule_Add": {"id": bodies.IDS[4:6]},
    **{name: {"id": bodies.IDS[:4]} for name in ("Task_Add", "Task_AddCollection")},
}
"""So that others find something, and tasks somewhere to run."""
LISTED: Mapping[str, Table[Any]] = {
    "Pool": filtering.POOLS,
    "Job": filtering.JOBS,
    "JobSchedule": filtering.JOB_SCHEDULES,
    "Task": filtering.TASKS,
    "ComputeNode": filtering.NODES,
    "ComputeNodeExtension": Table(BatchNodeVMExtension, {}),
    "Account": filtering.NODE_COUNTS,
    "Application": Table(BatchApplication, {}),
    "Certificate": filtering.CERTIFICATES,
    "File": Table(BatchNodeFile, {}),
}
"""What is filtered and selected, by the first word of an operation's name."""
CURSOR = Cursors("devbatch").text(Position(3, 1))
Known = Mapping[str, Sequence[str]]
KNOWN: Known = {
    "poolId": bodies.IDS[:3],
    "jobId": (*bodies.IDS[:4], "five:job-1"),
    "jobScheduleId": bodies.IDS[4:6],
    "taskId": bodies.IDS[:4],
    "nodeId": ("{node}",),
    "applicationId": bodies.IDS[:3],
    "version": ("1", "1.0", "2-b"),
    "certificate": (
        f"thumbprintAlgorithm=sha1,thumbprint={bodies.THUMBPRINT}",
        f"thumbprintAlgorithm=sha1,thumbprint={'0' * 40}",
        "a,b=c",
    ),
    "userName": ("somebody", "root"),
    "extensionName": ("none", "BatchNodeExtension"),
    "filePath": (
        *("stdout.txt", "stdout.txt", "stderr.txt", "wd", "wd/b.txt", "wd/link", "wd/d/e/f", "shared", ""),
        *("startup/stdout.txt", "workitems", "../../../etc/passwd", "wd/../../../../../../../etc/passwd"),
    ),
}
"""What parameters of paths usually are."""
ASKED: Known = {
    "maxresults": ("1", "2", "1000"),
    "cursor": ("begin", "now", CURSOR),
    "kinds": ("task", "pool,node,schedule"),
    "job": KNOWN["jobId"],
    "pool": KNOWN["poolId"],
    "poolid": KNOWN["poolId"],
    "nodes": ("{node}", "{node},{node}", ",".join(["a"] * 200)),
    "search": ("state:failed", "one t*", "exit:3 node:a", "is:running OR cause:x", "after:2026-01-01 -two"),
    "after": ("0", "1", "999999999999999999"),
    "starttime": values.TIMES[:4],
    "endtime": values.TIMES[:4],
}
"""What parameters of queries usually are, of endpoints of ours."""
STRANGE_VERBS = ("GET", "PUT", "PATCH", "OPTIONS", "get", "BREW")
CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
HEADERS = (
    *CONDITIONS, "ocp-range", "Range", "client-request-id", "return-client-request-id", "Accept",
    "Content-Encoding", "Content-Type", "Origin", "X-Forwarded-For", "Forwarded", "Cookie", "x-ms-version",
)  # fmt: skip
BY_NAME = {entry.name: entry for entry in OPERATIONS}
OFTEN = {
    "Pool_Add", "Job_Add", "Task_Add", "Task_AddCollection", "Task_Terminate", "Task_Delete", "Task_List",
}  # fmt: skip
_WEIGHTS = [4 if entry.name in OFTEN else 1 for entry in OPERATIONS]
_DELETING = {
    "Pool_Delete": 0.1, "Job_Delete": 0.4, "Job_Terminate": 0.3, "JobSchedule_Delete": 0.5,
    "JobSchedule_Terminate": 0.3,
}  # fmt: skip
"""How often such a request is really made, so that the others find something."""

_ENDPOINTS: Sequence[Endpoint] = (
    *own_endpoints(cast(Services, None)),  # nobody runs them here
    *Events(cast(Tail, None)).endpoints,
)
OURS = {f"{entry.verb} {entry.path}": entry for entry in _ENDPOINTS}


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("bin/tool", "text"):
            archive.writestr(name, "x" * 50)
    return content.getvalue()


ZIP = _zip()


def request(dice: Dice) -> Request:
    if dice.seldom(0.02):
        return _of_an_agent(dice)
    if dice.random() < 0.08:
        return ours(dice, dice.choice(list(OURS)))
    (operation,) = dice.choices(OPERATIONS, _WEIGHTS)
    if dice.random() > _DELETING.get(operation.name, 1):
        operation = BY_NAME["Task_Add"]
    return asked(dice, operation)


def asked(dice: Dice, operation: Operation, known: Known = KNOWN, own: Own | None = None) -> Request:
    """`known`: what the parameters of its path may be; `own`: what properties of its body."""
    own = OWN.get(operation.name) if own is None else own
    verb = dice.choice(STRANGE_VERBS) if dice.seldom(0.02) else operation.verb
    headers = [("Content-Type", JSON)] if verb in ("POST", "PUT", "PATCH") else []
    headers += [(name, _header(dice, name)) for name in HEADERS if dice.seldom(0.01)]
    version = dice.choice(VERSIONS if dice.seldom(0.05) else _versions(operation))
    query = [("api-version", version.text), *_query(dice, operation, version)]
    content = _body(dice, operation, verb, version, own)
    return Request("batch", verb, path(dice, operation.path, known), tuple(query), tuple(headers), content)


def ours(dice: Dice, name: str, known: Known = KNOWN) -> Request:
    endpoint = OURS[name]
    verb = dice.choice(STRANGE_VERBS) if dice.seldom(0.05) else endpoint.verb
    query = [
        (one, values.text(dice) if dice.seldom(0.2) else dice.choice(ASKED[one]))
        for one in sorted(endpoint.query & ASKED.keys())
        if dice.random() < 0.4
    ]
    if dice.seldom(0.1):
        query.append((values.text(dice), values.text(dice)))
    content = b""
    if name in BODIES:
        content = bodies.body(dice, BODIES[name], REGISTRY.newest, {"defaultVersion": KNOWN["version"]})
    elif verb == "PUT":
        content = _package(dice)
    return Request("batch", verb, path(dice, endpoint.path, known), tuple(query), body=content)


def _package(dice: Dice) -> bytes:
    """Also what is no zip, or a broken one."""
    content = bytearray(values.text(dice).encode("utf-8", "surrogatepass") if dice.seldom(0.2) else ZIP)
    for _ in range(dice.choice((1, 1, 3)) if content and dice.seldom(0.8) else 0):
        content[dice.randrange(len(content))] = dice.randrange(256)
    return bytes(content)


def _versions(operation: Operation) -> Sequence[Version]:
    """Those that have it."""
    last = operation.until or REGISTRY.newest.text
    return [version for version in VERSIONS if operation.since <= version.text <= last]


def _of_an_agent(dice: Dice) -> Request:
    """What nodes use; a stranger has no business there."""
    asked = dice.choice(
        (
            "/-/packages/1/find",
            "/-/packages/1/content/2",
            "/-/packages",
            "/-/nodes",
            "/-/nodes/1",
            "/-/transfers/1",
            "/-/transfers/%2e%2e",
            "/-/",
            "/healthz",
        )
    )
    upgrade = (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "A" * 22 + "=="))
    version = (("Sec-WebSocket-Version", dice.choice(("13", "8"))),)
    headers = (("Authorization", f"Bearer {values.text(dice)}"), *dice.choice(((), (*upgrade, *version))))
    return Request("batch", dice.choice(("GET", "GET", "PUT", "POST")), asked, headers=headers)


def path(dice: Dice, template: str, known: Known = KNOWN) -> str:
    if "{nodeId}" in template and dice.random() < 0.8:
        template = template.replace("{poolId}/nodes/{nodeId}", "{place}")

    def filled(match: re.Match[str]) -> str:
        if match[1] == "place":
            return match[0]
        text = values.text(dice) if dice.seldom(0.06) else dice.choice(known.get(match[1], ("none",)))
        return quote(text.encode("utf-8", "surrogatepass"), safe="{}%" if dice.seldom(0.2) else "{}")

    return re.sub(r"\{(\w+)(?:\.\.\.)?\}", filled, template)


def _body(dice: Dice, operation: Operation, verb: str, version: Version, own: Own | None) -> bytes:
    model = BODIES.get(operation.name)
    if model is None or dice.seldom(0.02):
        model = dice.choice(bodies.MODELS) if dice.seldom(0.2) else None
    if model is None or verb not in ("POST", "PUT", "PATCH"):
        return b""
    return bodies.body(dice, model, version, own)


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
