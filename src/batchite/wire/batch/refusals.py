"""Why a body does not fit its model: from the decoder's finding to an error for the client.

The decoder says what it expected and where. The value that stood there, the names that would have
been known and the values an enumeration has are looked up here, from the raw body and the model.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from batchite.wire.batch.errors import (
    BatchError,
    PropertyError,
    invalid_property,
    missing_property,
    unknown_property,
    unreadable_property,
)
from batchite.wire.batch.models import shapes

_AT = " - at `"
_LOCATION = re.compile(rf"{_AT}(?:key in )?\$(?P<path>(?:\.[^.\[\]`]+|\[(?:\d{{1,9}}|\.\.\.)\])*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]+)`(?P<limit> [<>=]+ -?\d+)?(?:, got `(?P<got>\w+)`)?")

_BEYOND = ("Invalid enum value", "Number out of range", "longer ", "beyond ")
"""How findings begin about values that are of the type due, and not among those it has."""

_LONGEST_NAME = 100

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}

Step = str | int


def json_type(value: object) -> str:
    """The decoder's name for the type of a plain JSON value."""
    names = {type(None): "null", bool: "bool", int: "int", float: "float", str: "str", list: "array"}
    return names.get(type(value), "object")


def explain(finding: str, raw: object, type_: type) -> BatchError:
    """The error for a body that was read as JSON into `raw` and is no `type_`. Only the end of the finding is
    sure to be the decoder's; before it there may be a name that a stranger gave."""
    at = finding.rfind(_AT)
    located = _LOCATION.fullmatch(finding, at) if at >= 0 else None
    text, path = (finding[:at], located["path"]) if located else (finding, "")
    steps: list[Step] = [int(index) if index else name for name, index in _STEP.findall(path)]
    if named := _NAMED.fullmatch(text):
        return _about_name(named[1] == "missing required", named[2], steps, raw, type_)
    if not steps:
        return _no_object(text)
    expected = _EXPECTED.match(text)
    if expected and expected["got"] == "null":
        return missing_property(_spell(steps))
    is_beyond = text.startswith(_BEYOND) or (expected and expected["limit"])
    refusal = invalid_property if is_beyond else unreadable_property
    return refusal(_spell(steps), _value_at(raw, steps), _rule(text, steps, type_))


def _about_name(missing: bool, name: str, steps: list[Step], raw: object, type_: type) -> BatchError:
    where = f"{_spell(steps)}." if steps else ""
    if missing:
        return missing_property(where + name)
    holder, node = _value_at(raw, steps), _type_at(type_, steps)
    value = holder.get(name) if isinstance(holder, dict) else None
    return no_such_property(where, name, value, shapes.fields(node) if node else ())


def no_such_property(where: str, name: str, value: object, known: Iterable[str]) -> PropertyError:
    """The error for a property that an object has not; `where` is the object's path with a dot."""
    name = name[:_LONGEST_NAME]
    folded = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), folded, n=1)
    hint = f" Did you mean {folded[close[0]]}?" if close else ""
    return unknown_property(where + name, f"no property of this name is known here.{hint}", value)


def _no_object(text: str) -> BatchError:
    expected = _EXPECTED.match(text)
    got = _got(expected["got"]) if expected and expected["got"] else "something else"
    reason = f"It must be a JSON object, not {got}."
    return BatchError("InvalidRequestBody", reason, (("Reason", reason),))


def _rule(text: str, steps: list[Step], type_: type) -> str:
    if text.startswith("Invalid enum value"):
        return _enum_rule(_type_at(type_, steps))
    expected = _EXPECTED.match(text)
    if expected is None:
        return f"is {text}" if text.startswith(("not ", "longer ", "beyond ")) else f"cannot be used ({text})"
    wanted = " or ".join(
        _WORDS.get(word, word) for word in expected["expected"].split(" | ") if word != "null"
    )
    limit = f" {expected['limit'].strip()}" if expected["limit"] else ""
    got = f", not {_got(expected['got'])}" if expected["got"] else ""
    return f"must be {wanted}{limit}{got}"


def _got(name: str) -> str:
    return "a fraction" if name == "float" else _WORDS.get(name, name)


def _enum_rule(node: msgspec.inspect.Type | None) -> str:
    if isinstance(node, msgspec.inspect.EnumType):
        return f"must be one of {', '.join(str(member.value) for member in node.cls)}"
    return "is not one of the values known"


def _spell(steps: list[Step]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def _value_at(raw: Any, steps: list[Step]) -> Any:
    for step in steps:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


def _type_at(type_: type, steps: list[Step]) -> msgspec.inspect.Type | None:
    """The description of the model (or enumeration) that `steps` lead to."""
    node: msgspec.inspect.Type | None = shapes.described(type_)
    for step in steps:
        if node is None:
            return None
        node = _inside(node, step)
    return None if node is None else shapes.essence(node)


def _inside(node: msgspec.inspect.Type, step: Step) -> msgspec.inspect.Type | None:
    if isinstance(step, int):
        return shapes.item(node)
    found = shapes.fields(node).get(step)
    return None if found is None else found.type
