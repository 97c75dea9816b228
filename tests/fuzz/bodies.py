"""JSON bodies made of the models that the service has, and what may be wrong with them."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import inspect
from tests.fuzz import values
from tests.fuzz.values import Dice

from batchite.wire.batch import honoured, models
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.shapes import described, essence, fields, item
from batchite.wire.batch.versions.registry import Version

IDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
COMMANDS = (
    "/bin/true",
    "/bin/false",
    "sleep 0.1",
    "/bin/sh -c 'echo $AZ_BATCH_TASK_ID; echo a > b.txt'",
    "/bin/sh -c 'ln -s /etc/passwd link; mkdir -p d/e; echo x > d/e/f; exit 3'",
    "missing-program",
)
CERTIFICATE = b"\x30\x82certificate"
THUMBPRINT = hashlib.sha1(CERTIFICATE, usedforsecurity=False).hexdigest()
OURS = "{blob}/container?{sas}"
HINTS: Mapping[str, Sequence[object]] = {
    "id": IDS,
    "poolId": IDS[:3],
    "vmSize": (*["Standard_A1"] * 5, "standard_d2_v3"),
    "publisher": ("canonical",),
    "offer": ("0001-com-ubuntu-server-jammy",),
    "sku": ("22_04-lts",),
    "version": ("latest",),
    "nodeAgentSKUId": ("batch.node.ubuntu 22.04",),
    "targetDedicatedNodes": (0, 1, 1, 2),
    "targetLowPriorityNodes": (0, 0, 1),
    "taskSlotsPerNode": (1, 2, 4),
    "requiredSlots": (1, 1, 2),
    "priority": (-1000, 0, 1000),
    "maxParallelTasks": (-1, 1, 2),
    "usesTaskDependencies": (True, True, True, False),
    "commandLine": COMMANDS,
    "coordinationCommandLine": COMMANDS,
    "httpUrl": ("http://127.0.0.1:1/nothing", "{blob}/container/block?{sas}", "file:///etc/hostname"),
    "storageContainerUrl": (OURS,),
    "containerUrl": (OURS, "{blob}/missing?{sas}", "http://127.0.0.1:1/nothing"),
    "autoStorageContainerName": ("container", "other"),
    "blobPrefix": ("", "dir/"),
    "filePath": ("a", "b/c", "../a", "/tmp/a"),
    "fileMode": ("0644", "0770"),
    "filePattern": ("../std*.txt", "*.txt", "**/*", "d/**/f", "../../../**"),
    "path": ("out", "out/put"),
    "maxTaskRetryCount": (0, 1, -1),
    "maxWallClockTime": ("PT1S", "PT1M", "P1D"),
    "retentionTime": ("PT1S", "P7D"),
    "resizeTimeout": ("PT5M", "PT15M"),
    "recurrenceInterval": ("PT1M", "P1D"),
    "startWindow": ("PT1M",),
    "doNotRunUntil": ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
    "doNotRunAfter": ("2098-01-01T00:00:00Z",),
    "expiryTime": ("2098-01-01T00:00:00Z",),
    "taskIds": IDS,
    "start": (0, 1, 5),
    "end": (5, 9),
    "code": (0, 1, 3),
    "affinityId": ("{node}",),
    "nodeList": ("{node}",),
    "applicationId": IDS[:3],
    "enableAutoScale": (True,),
    "autoScaleFormula": (
        "$TargetDedicatedNodes=1;",
        "$TargetDedicatedNodes=min(2,$PendingTasks.GetSample(1));$NodeDeallocationOption=taskcompletion;",
    ),
    "autoScaleEvaluationInterval": ("PT5M",),
    "thumbprint": (THUMBPRINT,),
    "thumbprintAlgorithm": ("sha1",),
    "certificateFormat": ("cer",),
    "data": (base64.b64encode(CERTIFICATE).decode(),),
    "password": ("Secret-123456",),
    "username": ("somebody",),
}
"""What properties usually have."""
USUAL = frozenset(
    {
        *("virtualMachineConfiguration", "targetDedicatedNodes", "poolId", "publisher", "offer", "sku"),
        *("schedule", "container", "taskIds", "pool", "password", "autoScaleFormula"),
    }
)
"""Optional properties that are usually given."""
RATES = (0, 0.06, 0.2, 0.5)
"""How often others are, in one body or another."""
ALONE = (
    ("enableAutoScale", "targetDedicatedNodes", "targetLowPriorityNodes", "resizeTimeout"),
    ("targetDedicatedNodes", "autoScaleFormula"),
    ("data", "password"),
    ("httpUrl", "storageContainerUrl", "autoStorageContainerName"),
    ("autoPoolSpecification", "poolId"),
    ("autoUser", "username"),
    ("publisher", "virtualMachineImageId"),
    ("publisher", "sharedGalleryImageId"),
    ("publisher", "communityGalleryImageId"),
)
"""The first of these that is there goes without the others."""
NEEDED = (
    ("jobReleaseTask", "jobPreparationTask"),
    ("autoScaleEvaluationInterval", "enableAutoScale"),
    ("enableAutoScale", "autoScaleFormula"),
    ("blobPrefix", "storageContainerUrl"),
    ("httpUrl", "filePath"),
)
"""The first of these goes only with the second."""
REFUSED = frozenset(entry.property for entry in honoured.TABLE if entry.treatment == "refused")


def all_models() -> Iterator[type[Model]]:
    for info in pkgutil.iter_modules(models.__path__):
        module = importlib.import_module(f"{models.__name__}.{info.name}")
        for value in vars(module).values():
            is_model = isinstance(value, type) and issubclass(value, Model) and value is not Model
            if is_model and value.__module__ == module.__name__:
                yield value


MODELS = tuple(sorted(all_models(), key=lambda model: model.__name__))


class Name(str):
    """A name that an object may have more than once."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def body(
    dice: Dice, model: type[Model], version: Version, own: Mapping[str, Sequence[object]] | None = None
) -> bytes:
    """As clients of a version write it, more or less. `own`: what properties of it have instead of what they
    usually have."""
    made = _Maker(dice, {**HINTS, **(own or {})}).made(described(model))
    version.lower(model, made)
    if dice.seldom(0.6):
        for _ in range(dice.choice((1, 1, 2, 5))):
            made = _changed(dice, made, described(model))
    text = json.dumps(made, ensure_ascii=not dice.seldom(0.5))
    content = text.encode("utf-8", "surrogatepass")
    return values.damaged(dice, content) if dice.seldom(0.08) else content


class _Maker:
    """Of one body, with few of the properties that may be there, or with many."""

    def __init__(self, dice: Dice, hints: Mapping[str, Sequence[object]]) -> None:
        self._dice = dice
        self._hints = hints
        self._rate = dice.choice(RATES)

    def made(self, node: inspect.Type, name: str = "", depth: int = 0) -> Any:
        held = essence(node)
        if isinstance(held, inspect.StructType):
            known = fields(held)
            names = _fitting({key for key, one in known.items() if one.required or self._gives(key, depth)})
            given = [key for key in known if key in names or known[key].required]
            return {key: self.made(known[key].type, key, depth + 1) for key in given}
        if (inner := item(held)) is not None:
            return [self.made(inner, name, depth) for _ in range(self._dice.choice((1, 1, 2, 3)))]
        return self._dice.choice(self._hints.get(name) or _plain(held))

    def _gives(self, key: str, depth: int) -> bool:
        if self._dice.is_calm and key in REFUSED:
            return False
        return key in USUAL or self._dice.random() < self._rate / (depth + 1) ** 0.5


def _fitting(names: set[str]) -> set[str]:
    for first, needed in NEEDED:
        if first in names:
            names.add(needed)
    for first, *others in ALONE:
        if first in names:
            names.difference_update(others)
    return names


def _plain(node: inspect.Type) -> Sequence[object]:
    match node:
        case inspect.StrType():
            return ("word", "two words")
        case inspect.IntType() | inspect.FloatType():
            return (0, 1, 2)
        case inspect.BoolType():
            return (True, False)
        case inspect.EnumType():
            return [member.value for member in node.cls]
        case inspect.CustomType(cls=cls):
            return {"Timestamp": values.TIMES[:2], "Duration": values.DURATIONS[2:6]}.get(
                cls.__name__, ("1",)
            )
        case _:
            return ({},)


def _changed(dice: Dice, value: Any, node: inspect.Type) -> Any:
    """With one thing changed, somewhere in it."""
    if isinstance(value, list) and value and dice.random() < 0.8:
        place, inner = dice.randrange(len(value)), item(node)
        one = _changed(dice, value[place], inner) if inner is not None else values.scalar(dice)
        return [*value[:place], one, *value[place + 1 :]]
    if not isinstance(value, dict) or not value or dice.random() < 0.1:
        return _other(dice, value)
    known, key = fields(node), dice.choice(list(value))
    match dice.randrange(6):
        case 0:
            return {name: one for name, one in value.items() if name != key}
        case 1:
            name = values.text(dice) if dice.random() < 0.3 else dice.choice([*known, *value])
            return {**value, Name(name): values.scalar(dice)}
        case 2 if known:
            more = dice.choice(list(known))
            return {**value, more: _Maker(dice, HINTS).made(known[more].type, more)}
        case _:
            return {**value, key: _changed(dice, value[key], known[key].type if key in known else node)}


def _other(dice: Dice, value: Any) -> Any:
    match dice.randrange(6):
        case 0:
            return str(value)
        case 1:
            return [value]
        case 2:
            return [value] * dice.choice((2, 101, 5000)) if len(repr(value)) < 50 else None
        case 3:
            return _nested(dice.choice((50, 300)))
        case _:
            return values.scalar(dice)


def _nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value] if depth % 2 else {"a": value}
    return value
