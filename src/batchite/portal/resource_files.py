"""Resource files as people write them in a form: a line each, a source and the path it gets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from batchite.portal.answers import NotHere, Refused
from batchite.portal.blob_client.client import Where
from batchite.portal.storage import places
from batchite.portal.visit import Visit
from batchite.wire.signing import granting
from batchite.wire.signing.granting import Grant
from batchite.wire.ticks import Duration

GRANTED: Final = Duration.of(days=7)
"""How long a blob that is named can be read: tasks may wait, and nodes of a pool come later"""
MOST: Final = 100
"""Lines: each blob is asked for whether it is there"""
_FORM = "a URL or account/container/blob, then, if it is to be called otherwise, its path on the node"


async def read(
    visit: Visit, text: str, known: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> list[Mapping[str, Any]] | None:
    """As the API has them; none: nothing was written. A line that is `known` stands for that file. Raises
    Refused, which names the line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len([line for line in lines if line not in known]) > MOST:
        raise Refused(400, f"Resource files: a form takes {MOST} lines at most. Programs may name more.")
    return [known.get(line) or await _file(visit, line) for line in lines] or None


async def _file(visit: Visit, line: str) -> dict[str, str]:
    source, path = (*line.split(maxsplit=1), "")[:2]
    url = source if "://" in source else await _granted(visit, source)
    path = path or _name(source)
    if not path:
        raise Refused(400, f"Resource file {_short(source)!r}: say after it which path it gets.")
    return {"httpUrl": url, "filePath": path}


def _name(source: str) -> str:
    """The end of its path, by which it is called unless another is said."""
    try:
        return unquote(urlsplit(source).path.rpartition("/")[2])
    except ValueError:
        return ""


async def _granted(visit: Visit, source: str) -> str:
    """The URL of a blob of a storage account of the visitor's, with a signature that permits reading it."""
    account, container, blob = (*(unquote(part) for part in source.split("/", 2)), "", "")[:3]
    if not blob:
        raise Refused(400, f"Resource file {_short(source)!r}: write {_FORM}.")
    where = Where(container, blob)
    try:
        place = places.of(visit, account)
        await place.client.properties(where)
    except (NotHere, Refused) as problem:
        raise Refused(400, f"Resource file {_short(source)!r}: {problem}") from None
    grant = Grant(permissions="r", expiry=visit.services.clock.wall() + GRANTED)
    token = granting.for_blob(place.account.key_bytes[0], account, container, blob, grant)
    return f"{place.public(container, blob)}?{token}"


def _short(source: str) -> str:
    """Without what may be a signature."""
    return source.partition("?")[0][:200]
