"""Metadata and tags as people write them: a line for each, `name=value`."""

from __future__ import annotations

from collections.abc import Mapping

from batchite.portal.answers import Refused


def read(text: str) -> dict[str, str]:
    """Raises Refused for a line that is none."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals or not name:
            raise Refused(400, f"Line {number} is {line[:80]!r}: write name=value, one on each line.")
        if name in found:
            raise Refused(400, f"Line {number} has the name {name!r} again: each name is there once.")
        found[name] = value.strip()
    return found


def write(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in pairs.items())
