"""The proxy by which tasks reach the services under the cloud's names: what it is told, and its users are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from batchite.machine import private_file

FILE_NAME = "cloud-proxy.key"
BYTES = 32
_SCHEMES = ("https", "http", "all", "no")


class CloudProxy(msgspec.Struct, frozen=True):
    """On a port of the loopback address."""

    port: int
    secret: str
    """the password of its users"""
    proxies: dict[str, str]
    """by which it reaches the rest of the world itself, by scheme; `no` are the exceptions"""


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that an environment names, as `CloudProxy` has them."""
    spelled = {scheme: (f"{scheme}_proxy", f"{scheme}_proxy".upper()) for scheme in _SCHEMES}
    found = {
        scheme: [environment[name] for name in names if environment.get(name)]
        for scheme, names in spelled.items()
    }
    return {scheme: urls[0] for scheme, urls in found.items() if urls}


def secret(data_dir: Path) -> str:
    """That of the directory, made when it is first asked for: tasks keep it in their environment, also when
    the services are started again. Raises OSError."""
    place = data_dir / FILE_NAME
    try:
        found = place.read_bytes()
    except FileNotFoundError:
        found = b""
    return (found if len(found) == 2 * BYTES else _make(place)).decode("ascii", "replace")


def _make(place: Path) -> bytes:
    """Complete or not at all: a short secret would be one to guess."""
    made = os.urandom(BYTES).hex().encode()
    private_file.replace(place, made)
    return made
