"""pip's configuration in a node: where this machine gets packages from, what the system says, and ours."""

from __future__ import annotations

import configparser
import io
from collections.abc import Mapping
from pathlib import Path

from batchite.images.packages import Content
from batchite.machine import openat2

PLACE = "/etc/pip.conf"
CERTIFICATES = "/etc/pip.certificates.pem"
"""those that this machine's pip trusts, for a system that has not the same"""
_MOST = 16 * 1024 * 1024


def files(options: Mapping[str, str], root: Path) -> dict[str, Content]:
    """For a node with that root file system. What it says itself goes before what this machine says, and the
    options before both."""
    machine, system = _read(Path("/")), _read(root)
    config = configparser.RawConfigParser()
    config.read_dict({"global": {}})
    config.read_dict(machine)
    config.read_dict(system)
    config.remove_option("global", "cert")
    found: dict[str, Content] = {}
    theirs, ours = (one.get("global", "cert", fallback="") for one in (system, machine))
    if _content(root, theirs):
        config.set("global", "cert", theirs)
    elif trusted := _content(Path("/"), ours):
        config.set("global", "cert", CERTIFICATES)
        found[CERTIFICATES] = Content(trusted)
    for name, value in options.items():
        config.set("global", name, value)
    text = io.StringIO()
    config.write(text)
    return found | {PLACE: Content(text.getvalue().encode())}


def _read(system: Path) -> configparser.RawConfigParser:
    """Empty where there is none that can be read."""
    config = configparser.RawConfigParser()
    try:
        config.read_string(_content(system, PLACE).decode())
    except (UnicodeDecodeError, configparser.Error):
        return configparser.RawConfigParser()
    return config


def _content(system: Path, path: str) -> bytes:
    """Of a file of a system; nothing if there is none."""
    try:
        return openat2.read(str(system), path, _MOST) if path else b""
    except OSError:
        return b""
