"""Why a body does not fit its model: from the decoder's finding to an error for the client.

The decoder says what it expected and where. The value that stood there, the names that would have
been known and the values an enumeration has are looked up here, from the raw body and the model.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

import msgspec

from batchite.wire.batch.errors import (
    BatchError,
    invalid_property,
    missing_property,
    unsupported_property,
)

_LOCATED = re.compile(r"(?P<finding>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]+)`(?P<limit> [<>=]+ -?\d+)?(?:, got `(?P<got>\w+)`)?")

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
    """The error for a body that was read as JSON into `raw` and is no `type_`."""
    located = _LOCATED.fullmatch(finding)
    text, path = (located["finding"], located["path"] or "") if located else (finding, "")
    steps: list[Step] = [int(index) if index else name for name, index in _STEP.findall(path)]
    if named := _NAMED.fullmatch(text):
        return _about_name(named[1] == "missing required", named[2], steps, raw, type_)
    if not steps:
        return _no_object(text)
    value = _value_at(raw, steps)
    expected = _EXPECTED.match(text)
    if expected and expected["got"] == "null":
        return missing_property(_spell(steps))
    return invalid_property(_spell(steps), value, _rule(text, steps, type_))


def _about_name(missing: bool, name: str, steps: list[Step], raw: object, type_: type) -> BatchError:
    full = _spell([*steps, name[:_LONGEST_NAME]])
    if missing:
        return missing_property(full)
    holder = _value_at(raw, steps)
    value = holder.get(name) if isinstance(holder, dict) else None
    reason = f"no property of this name is known here.{_hint(name, steps, type_)}"
    return unsupported_property(full, reason, value)


def _hint(name: str, steps: list[Step], type_: type) -> str:
    node = _type_at(type_, steps)
    if not isinstance(node, msgspec.inspect.StructType):
        return ""
    known = {field.encode_name.lower(): field.encode_name for field in node.fields}
    close = difflib.get_close_matches(name.lower()[:_LONGEST_NAME], known, n=1)
    return f" Did you mean {known[close[0]]}?" if close else ""


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
        return f"is {text}" if text.startswith(("not ", "longer ")) else f"cannot be used ({text})"
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
    node: msgspec.inspect.Type | None = msgspec.inspect.type_info(type_)
    for step in steps:
        node = _inside(node, step)
    return node


def _inside(node: msgspec.inspect.Type | None, step: Step) -> msgspec.inspect.Type | None:
    if isinstance(step, int):
        return _essence(node.item_type) if isinstance(node, msgspec.inspect.VarTupleType) else None
    if not isinstance(node, msgspec.inspect.StructType):
        return None
    types = (field.type for field in node.fields if field.encode_name == step)
    return _essence(next(types, None))


def _essence(node: msgspec.inspect.Type | None) -> msgspec.inspect.Type | None:
    if isinstance(node, msgspec.inspect.UnionType):
        return next((one for one in node.types if not isinstance(one, msgspec.inspect.NoneType)), None)
    return node
