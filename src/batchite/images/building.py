"""Layers as directories: each is made once, below a name that says what is in it, or not at all.

A layer's files go over those of a system, so some are made of that system's: pip keeps its index, and
directories keep the mode that they have there, since the directory above hides that of the one below.
"""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
import stat
from collections.abc import Mapping
from importlib import resources
from pathlib import Path, PurePosixPath

import msgspec

from batchite.images import packages, pip_conf
from batchite.images.layer import Layer, LayerFile, Repository
from batchite.images.packages import Content
from batchite.machine import removal

_STAGED = ".new-"
_HEAD = b"#!/usr/bin/env -S python3 -I -S\n"


def build(layers: Path, name: str, layer: Layer, root: Path) -> Path:
    """The directory, in that of all layers, of one for nodes with that root file system. Raises OSError."""
    found = contents(layer, root)
    modes = _modes(found, root)
    digest = hashlib.sha256(msgspec.json.encode((sorted(found.items()), sorted(modes.items())))).hexdigest()
    place = layers / f"{name}-{digest[:16]}"
    if not place.is_dir():
        _write(place, found, modes)
    return place


def contents(layer: Layer, root: Path) -> dict[str, Content]:
    """All files and links of a layer, by their paths in a node. Raises OSError."""
    found = {path: _content(file, layer.retired) for path, file in layer.files.items()}
    found |= {path: Content(link=target) for path, target in layer.links.items()}
    found |= {path: Content(is_absence=True) for pattern in layer.hidden for path in _matching(pattern, root)}
    if layer.pip:
        found |= pip_conf.files(layer.pip, root)
    if layer.repository is not None:
        found |= _repository(layer.repository)
    return found


def _matching(pattern: str, root: Path) -> list[str]:
    """Names that can be hidden, which takes the rights of root, as nodes with a tree of their own do."""
    if os.geteuid() != 0:
        return []
    return [f"/{name}" for name in sorted(glob.glob(pattern[1:], root_dir=root))]


def _content(file: LayerFile, retired: Mapping[str, str]) -> Content:
    if file.program:
        text = resources.files("batchite.images.programs").joinpath(f"{file.program}.py").read_bytes()
        return Content(_HEAD + text, file.mode)
    cases = "\n".join(f"        {old}) new={new} ;;" for old, new in retired.items())
    return Content(file.text.lstrip("\n").replace("@retired@", cases).encode(), file.mode)


def _repository(repository: Repository) -> dict[str, Content]:
    made = {}
    for name, one in repository.packages.items():
        inside = {path: _content(file, {}) for path, file in one.files.items()}
        inside |= {path: Content(link=target) for path, target in one.links.items()}
        made[name] = (one.version, one.depends, inside)
    return {f"{repository.place}/{name}": Content(data) for name, data in packages.repository(made).items()}


def _modes(found: Mapping[str, Content], root: Path) -> dict[str, int]:
    """Of the directories in which they lie."""
    above = {str(parent) for path in found for parent in PurePosixPath(path).parents}
    return {path: _mode(root / path.lstrip("/")) for path in above}


def _mode(directory: Path) -> int:
    try:
        return stat.S_IMODE(directory.stat().st_mode)
    except OSError:
        return 0o755


def _write(place: Path, found: Mapping[str, Content], modes: Mapping[str, int]) -> None:
    """All of it is on disk when it is to be seen."""
    place.parent.mkdir(parents=True, exist_ok=True)
    staged = place.with_name(_STAGED + secrets.token_hex(8))
    try:
        for path in sorted(modes):
            directory = staged / path.lstrip("/")
            directory.mkdir()
            directory.chmod(modes[path])
        for path, content in found.items():
            _write_file(staged / path.lstrip("/"), content)
        staged.rename(place)
    except OSError:
        if staged.exists():
            removal.remove(str(staged))
        if not place.is_dir():  # else somebody else has made it meanwhile
            raise


def _write_file(path: Path, content: Content) -> None:
    if content.is_absence:
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))  # as overlays know it
        return
    if content.link:
        path.symlink_to(content.link)
        return
    with path.open("xb") as file:
        file.write(content.data)
        os.fchmod(file.fileno(), content.mode)
        file.flush()
        os.fsync(file.fileno())
