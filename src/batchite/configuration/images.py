"""`[[images]]` of the config file: what an image that a pool names means on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from batchite.configuration.config_file import (
    SettingsError,
    checked,
    read_text,
    refuse_unknown,
    tables,
    texts,
)

HOST = "host"
"""the root file system of this machine"""
LAYERS = ("period", "windows")
"""those there are; a test holds them to the room `images`, which this one cannot see"""
PATTERNS = ("publisher", "offer", "sku", "version", "node_agent_sku_id")
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
NAME_RULE = "a root file system's name is 1 to 63 lower-case letters, digits, '_', '.' and '-', and not host"


class ImageRule(msgspec.Struct, frozen=True, kw_only=True):
    """For images that match all of the patterns, which are as of file names and blind to case.

    What is None stays as it is without the rule.
    """

    publisher: str = "*"
    offer: str = "*"
    sku: str = "*"
    version: str = "*"
    node_agent_sku_id: str = "*"
    root: str | None = None
    """a root file system by name, or `host`"""
    layer: str | None = None
    """a layer by name; empty: none"""
    environment: dict[str, str] = {}
    """of tasks"""
    path: tuple[str, ...] = ()
    """with what their PATH begins"""


def check_name(given: object) -> str:
    """The name of a root file system. Raises ValueError with the rule."""
    if not isinstance(given, str) or not NAME.fullmatch(given) or given == HOST:
        raise ValueError(NAME_RULE)
    return given


def rules(document: Mapping[str, object], place: str) -> tuple[ImageRule, ...]:
    """The first that matches an image counts. Raises SettingsError."""
    return tuple(_rule(table, where) for table, where in tables(document, "images", place))


def _rule(table: dict[str, object], place: str) -> ImageRule:
    refuse_unknown(table, {*PATTERNS, "root", "layer", "environment", "path"}, place)
    given = {name: checked(read_text, table[name], f"{place}.{name}") for name in PATTERNS if name in table}
    if not given:
        raise SettingsError(f"{place}: says of no image what it is for; give one of {', '.join(PATTERNS)}")
    root, layer, path = table.get("root"), table.get("layer"), table.get("path", [])
    return ImageRule(
        **given,
        root=None if root is None else checked(_root, root, f"{place}.root"),
        layer=None if layer is None else checked(_layer, layer, f"{place}.layer"),
        environment=texts(table.get("environment", {}), f"{place}: environment"),
        path=checked(_path, path, f"{place}.path"),
    )


def _root(given: object) -> str:
    return HOST if given == HOST else check_name(given)


def _layer(given: object) -> str:
    if given is False:
        return ""
    if not isinstance(given, str) or given not in LAYERS:
        raise ValueError(f"must be false, for none, or one of {', '.join(LAYERS)}")
    return given


def _path(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(part, str) and _is_place(part) for part in given):
        raise ValueError("must be a list of absolute directories without ':', such as /opt/tools/bin")
    return tuple(given)


def _is_place(part: str) -> bool:
    return part.startswith("/") and not set(":\0") & set(part)
