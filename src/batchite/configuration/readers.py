"""What a setting's value may be: each function makes it of what a flag, a variable (both text) or the config
file gave, and raises ValueError with the rule that was broken.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path

from batchite.configuration.config_file import read_text
from batchite.configuration.sandbox import MACHINE, ORDER, PROCESS, TIERS, USER

_REGION = re.compile(r"[a-z0-9]{1,60}")


def port(given: object) -> int:
    try:
        whole = int(given) if isinstance(given, str | int) and not isinstance(given, bool) else -1
    except ValueError:
        whole = -1
    if not 0 <= whole <= 65535:
        raise ValueError("a port is a whole number from 0 (any free port) to 65535")
    return whole


def path(given: object) -> Path:
    return Path(read_text(given)).expanduser().absolute()


def file(given: object) -> str:
    return str(path(given).absolute())


def switch(given: object) -> bool:
    if isinstance(given, bool):
        return given
    known = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    answer = known.get(given.strip().lower()) if isinstance(given, str) else None
    if answer is None:
        raise ValueError("must be true or false")
    return answer


def networks(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of IP addresses or networks such as 10.0.0.0/8")
    return tuple(network(part) for part in parts)


def network(given: object) -> str:
    try:
        return str(ipaddress.ip_network(read_text(given), strict=False))
    except ValueError:
        raise ValueError(f"{given!r} is no IP address or network such as 10.0.0.0/8") from None


def suffixes(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of host name suffixes such as blob.example.org")
    return tuple(suffix(part) for part in parts)


def regions(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of regions such as westeurope")
    return tuple(region(part) for part in parts)


def region(given: object) -> str:
    region = read_text(given).strip().lower()
    if not _REGION.fullmatch(region):
        raise ValueError("a region looks like westeurope: letters and digits")
    return region


def origins(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of origins such as https://data.example.org")
    return tuple(origin(part) for part in parts)


def origin(given: object) -> str:
    text = read_text(given).strip().rstrip("/")
    if text != "*" and not is_origin(text):
        raise ValueError("an origin looks like https://data.example.org or http://10.0.0.7:8080")
    return text


def is_origin(text: str) -> bool:
    scheme, _, host = text.partition("://")
    port = host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else "80"
    return scheme in ("http", "https") and host != "" and port.isdigit() and not set("/?#@") & set(host)


def public_url(given: object) -> str:
    text = read_text(given).rstrip("/").lower()
    if not is_origin(text):
        raise ValueError(
            "must look like https://batch.example.org or http://10.0.0.7:8080. It has no path: clients sign "
            "the path they send, so a proxy must not change it"
        )
    return text


def host(given: object) -> str:
    host = read_text(given).strip("[]").lower()
    if not all(character.isalnum() or character in ".-:" for character in host) or not host.isascii():
        raise ValueError("must be a host name or an IP address, without a port")
    return host


def allowed_hosts(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of host names such as batch or *.example.org")
    return tuple(allowed_host(part) for part in parts)


def allowed_host(given: object) -> str:
    text = read_text(given)
    return f"*.{suffix(text[2:])}" if text.startswith("*.") else host(text)


def suffix(given: object) -> str:
    suffix = read_text(given).strip().strip(".").lower()
    if not all(label.replace("-", "").isalnum() for label in suffix.split(".")):
        raise ValueError("a host name suffix looks like batch.example.org")
    return suffix


STORES = ("s3", "gs", "az")


def content(given: object) -> str:
    url = read_text(given).rstrip("/")
    scheme, _, rest = url.partition("://")
    if scheme not in STORES or not rest:
        raise ValueError(f"must be the URL of an object store, beginning with {', '.join(STORES)} and ://")
    return url


MAX_SECONDS = 86_400.0
LEAST_PERIOD = 0.1
MAX_RATE = 3600.0
"""In an hour: once in a second."""


def number(given: object) -> float:
    """Less than nothing where it is none."""
    try:
        return float(given) if isinstance(given, str | int | float) and given is not True else -1.0
    except ValueError:
        return -1.0


def seconds(given: object) -> float:
    found = number(given)
    if not 0 <= found <= MAX_SECONDS:
        raise ValueError(f"must be a number of seconds from 0 to {MAX_SECONDS:.0f}")
    return found


def some_seconds(given: object) -> float:
    found = seconds(given)
    if found < LEAST_PERIOD:
        raise ValueError(f"must be a number of seconds from {LEAST_PERIOD} to {MAX_SECONDS:.0f}")
    return found


def rate(given: object) -> float:
    found = number(given)
    if not 0 <= found <= MAX_RATE:
        raise ValueError(f"must be a number from 0 to {MAX_RATE:.0f}")
    return found


def count(given: object) -> int:
    try:
        whole = int(given) if isinstance(given, str | int) and not isinstance(given, bool) else 0
    except ValueError:
        whole = 0
    if whole < 1:
        raise ValueError("must be a whole number from 1 on")
    return whole


PORTALS = ("on", "read-only", "off")


def portal(given: object) -> str:
    word = {True: "on", False: "off"}.get(given, given) if isinstance(given, bool) else given
    word = read_text(word).lower()
    if word not in PORTALS:
        raise ValueError(f"must be one of {', '.join(PORTALS)}")
    return word


LEVELS = ("debug", "info", "warning", "error")


def level(given: object) -> str:
    level = read_text(given).lower()
    if level not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return level


def tier(given: object) -> str:
    tier = read_text(given).lower()
    if tier not in TIERS:
        raise ValueError(f"must be one of {', '.join(TIERS)}")
    return tier


def required(given: object) -> str:
    required = read_text(given).lower()
    if required not in ORDER:
        raise ValueError(f"must be {MACHINE}, {USER}, or {PROCESS}, which is always there")
    return required


def shared(given: object) -> tuple[str, ...]:
    parts = [part for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(parts, list):
        raise ValueError("must be a list of paths such as /srv/models")
    return tuple(shared_path(part) for part in parts)


def shared_path(given: object) -> str:
    path = os.path.normpath(Path(read_text(given)).expanduser())
    if not os.path.isabs(path) or path in _NEVER_SHARED:
        raise ValueError(f"{given!r} is not the path, from the root on, of something that nodes may see")
    if not os.path.exists(path):
        raise ValueError(f"{given!r} is not there")
    return path


_NEVER_SHARED = frozenset({"/", "//", "/proc", "/sys", "/dev", "/run", "/usr", "/etc", "/var", "/opt"})
"""what nodes have of their own, or as a whole"""
