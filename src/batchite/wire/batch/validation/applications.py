"""Ids and versions of applications, and references to packages of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import UNSET

from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.common import BatchApplicationPackageReference
from batchite.wire.batch.models.fields import Maybe

MOST_OF_A_POOL = 10
"""References."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_VERSION = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.-]{1,64}", re.ASCII)
"""Of `.` and `..` many clients make another path, so such a version could not be deleted."""
_ID_RULE = "must have 1 to 64 characters, which are letters, digits, - and _"
_VERSION_RULE = "must have 1 to 64 characters, which are letters, digits, ., - and _, and not be . or .."
_REFERENCE_RULE = f"{_ID_RULE}; where it is the id of a resource, its last segment"


def application_name(given: str) -> str:
    """An application's id, which newer clients give as that of a resource: its last segment."""
    return given.rpartition("/")[2]


def check_application_id(where: str, value: str) -> None:
    if _ID.fullmatch(value) is None:
        raise invalid_property(where, value, _ID_RULE)


def check_version(where: str, value: str) -> None:
    if _VERSION.fullmatch(value) is None:
        raise invalid_property(where, value, _VERSION_RULE)


def check_references(
    where: str, references: Maybe[Sequence[BatchApplicationPackageReference]], most: int | None = None
) -> None:
    """Whether there are such packages is not asked here."""
    references = references or ()
    if most is not None and len(references) > most:
        raise invalid_property(where, f"{len(references)} references", f"must have at most {most}")
    for index, one in enumerate(references):
        if _ID.fullmatch(application_name(one.application_id)) is None:
            raise invalid_property(f"{where}[{index}].applicationId", one.application_id, _REFERENCE_RULE)
        if one.version is not UNSET and one.version is not None:
            check_version(f"{where}[{index}].version", one.version)
