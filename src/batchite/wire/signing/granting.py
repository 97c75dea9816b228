"""Making shared access signatures with an account's key; `sas` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from batchite.wire.signing import sas
from batchite.wire.signing.sas import Target
from batchite.wire.signing.storage_key import sign
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

VERSION = "2022-11-02"
"""of the tokens: one that every service of these years knows"""
OF_BLOBS = "racwdxytmei"
"""What a token for a blob can permit, in the order in which the letters have to stand."""
OF_CONTAINERS = "racwdxyltfmei"
OF_ACCOUNTS = "rwdxylacuptfi"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a token permits: letters, until when (whole seconds count), to which addresses (one, or two
    joined by `-`; none: to all), and whether by HTTPS alone. `overrides` are headers of the answer, such as
    `rscd`."""

    permissions: str
    expiry: Timestamp
    start: Timestamp | None = None
    addresses: str = ""
    https_only: bool = False
    overrides: Mapping[str, str] = {}


def for_blob(key: bytes, account: str, container: str, blob: str, grant: Grant, moment: str = "") -> str:
    """The query of a URL of the blob, or of its snapshot of that moment, whose parameter is part of it."""
    kind = {"sr": "bs", "snapshot": moment} if moment else {"sr": "b"}
    return _for(key, Target(account, container, blob, "", ""), kind, grant, OF_BLOBS)


def for_container(key: bytes, account: str, container: str, grant: Grant) -> str:
    """The query of a URL of the container or of a blob in it."""
    return _for(key, Target(account, container, "", "", ""), {"sr": "c"}, grant, OF_CONTAINERS)


def for_account(key: bytes, account: str, resource_types: str, grant: Grant) -> str:
    """The query of any URL of the account's Blob service. `resource_types` are of `sco`: service, container,
    object."""
    query = {"ss": "b", "srt": _ordered(resource_types, "sco"), **_values(grant, OF_ACCOUNTS)}
    text = sas.account_string(query, Target(account, "", "", "", ""))
    return _written({**query, "sig": sign(key, text).decode()})


def _for(key: bytes, target: Target, kind: Mapping[str, str], grant: Grant, letters: str) -> str:
    query = {**kind, **_values(grant, letters), **grant.overrides}
    return _written({**query, "sig": sign(key, sas.service_string(query, target)).decode()})


def _values(grant: Grant, letters: str) -> dict[str, str]:
    values = {
        "sv": VERSION,
        "sp": _ordered(grant.permissions, letters),
        "st": _time(grant.start) if grant.start else "",
        "se": _time(grant.expiry),
        "sip": grant.addresses,
        "spr": "https" if grant.https_only else "",
    }
    return {name: value for name, value in values.items() if value}


def _ordered(given: str, known: str) -> str:
    """The letters in the order that the services ask for. Raises ValueError for none, or an unknown one."""
    if not given or not set(given) <= set(known):
        raise ValueError(f"permissions are letters of {known}, not {given!r}")
    return "".join(letter for letter in known if letter in given)


def _time(moment: Timestamp) -> str:
    return str(Timestamp(moment.ticks // TICKS_PER_SECOND * TICKS_PER_SECOND))


def _written(query: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
