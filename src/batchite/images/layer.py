"""Layers: what the nodes of an image find beside the files of their system. Each is one file of data.

A layer lies over the root file system of nodes that have a tree of their own. Elsewhere tasks have what its
`environment` and `path` lead to.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A misspelled word in a layer's file is an error."""


class LayerFile(_Data, frozen=True):
    """A file that belongs to root. Line breaks before the text do not count."""

    text: str = ""
    program: str = ""
    """instead: a module of `images.programs`, started by the node's Python"""
    mode: int = 0o644


class Package(_Data, frozen=True):
    """A Debian package of ours; names in it are without the first `/`."""

    version: str
    depends: str = ""
    files: dict[str, LayerFile] = {}
    links: dict[str, str] = {}


class Repository(_Data, frozen=True):
    """Packages that apt finds in a directory."""

    place: str
    packages: dict[str, Package]


class Layer(_Data, frozen=True):
    """`environment` and `path` are for tasks; `{layer}` in them is where the layer's files lie."""

    about: str
    node_agents: tuple[str, ...]
    """patterns of the node agent SKUs whose images have this layer"""
    root: str = ""
    """the root file system that goes best with it, if one of this name was added"""
    is_windows: bool = False
    has_system_python: bool = False
    """tasks use the system's Python where the layer lies over it"""
    environment: dict[str, str] = {}
    path: tuple[str, ...] = ()
    files: dict[str, LayerFile] = {}
    links: dict[str, str] = {}
    hidden: tuple[str, ...] = ()
    """patterns of files that nodes do not see although the system has them"""
    pip: dict[str, str] = {}
    """options of pip, over those that the system has"""
    retired: dict[str, str] = {}
    """what packages are called today; for `@retired@` in a file"""
    repository: Repository | None = None


@cache
def layers() -> Mapping[str, Layer]:
    """All of them by name."""
    import tomllib  # only here: pools without such an image do not need it

    found = {}
    for file in sorted(resources.files("batchite.images").joinpath("layers").iterdir(), key=lambda f: f.name):
        name, _, kind = file.name.rpartition(".")
        if kind == "toml":
            found[name] = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Layer)
    return found
