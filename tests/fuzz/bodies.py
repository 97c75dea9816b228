"""JSON bodies made of the models that the service has, and what may be wrong with them."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import inspect
from tests.fuzz import values
from tests.fuzz.values import Dice

from batchite.wire.batch import models
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.shapes import described, essence, fields, item
from batchite.wire.batch.versions.registry import Version

IDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
HINTS: Mapping[str, Sequence[object]] = {
    "id": IDS,
    "poolId": IDS[:3],
    "vmSize": ("standard_d2_v3", "Standard_A1"),
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
    "commandLine": (
        "/bin/true",
        "/bin/false",
        "sleep 0.1",
        "/bin/sh -c 'echo $AZ_BATCH_TASK_ID'",
        "missing-program",
    ),
    "httpUrl": ("http://127.0.0.1:1/nothing", "{blob}/container/block", "file:///etc/hostname"),
    "filePath": ("a", "b/c", "../a", "/tmp/a"),
    "maxTaskRetryCount": (0, 1, -1),
}
"""What properties usually have."""
USUAL = frozenset(
    {"virtualMachineConfiguration", "targetDedicatedNodes", "poolId", "publisher", "offer", "sku"}
)
"""Optional properties that are usually given."""
SELDOM = 0.06
"""How often others are."""


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


def body(dice: Dice, model: type[Model], version: Version) -> bytes:
    """As clients of a version write it, more or less."""
    made = _made(dice, described(model), "")
    version.lower(model, made)
    if dice.seldom(0.6):
        for _ in range(dice.choice((1, 1, 2, 5))):
            made = _changed(dice, made, described(model))
    text = json.dumps(made, ensure_ascii=not dice.seldom(0.5))
    content = text.encode("utf-8", "surrogatepass")
    return values.damaged(dice, content) if dice.seldom(0.08) else content


def _made(dice: Dice, node: inspect.Type, name: str) -> Any:
    held = essence(node)
    if isinstance(held, inspect.StructType):
        known = fields(held).items()
        given = [(key, one) for key, one in known if one.required or key in USUAL or dice.seldom(SELDOM)]
        return {key: _made(dice, one.type, key) for key, one in given}
    if (inner := item(held)) is not None:
        return [_made(dice, inner, name) for _ in range(dice.choice((1, 1, 2, 3)))]
    return dice.choice(HINTS.get(name) or _plain(held))


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
            return {**value, Name(dice.choice([*known, *value])): values.scalar(dice)}
        case 2 if known:
            more = dice.choice(list(known))
            return {**value, more: _made(dice, known[more].type, more)}
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
