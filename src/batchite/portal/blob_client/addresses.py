"""Names of containers and blobs as they stand in URLs, whatever they consist of."""

from __future__ import annotations

from urllib.parse import quote

_KEPT = "/~-._!$'()*,;:@+="
_DOTS = frozenset({".", ".."})


def path(container: str = "", blob: str = "") -> str:
    """Below the account's URL, with the slash at its beginning.

    A segment `..` would be taken for the way up by browsers and proxies, whether encoded or not; so in a
    name that has one the slashes are encoded, which the service takes for the same.
    """
    if not blob:
        return f"/{quote(container, safe=_KEPT)}"
    has_dots = not _DOTS.isdisjoint(blob.split("/"))
    return f"/{quote(container, safe=_KEPT)}/{quote(blob, safe='' if has_dots else _KEPT)}"


def is_for_browsers(blob: str) -> bool:
    """Whether a browser can ask for it: whatever it is told, it takes these for the way up."""
    return blob not in _DOTS


def file_name(blob: str) -> str:
    """What the blob is saved as: the end of its name, without the folders."""
    return blob.rstrip("/").rpartition("/")[2] or "blob"


def attachment(blob: str) -> str:
    """The header Content-Disposition by which browsers save it under its name, rather than show it."""
    name = file_name(blob)
    plain = "".join(
        character if " " <= character <= "~" and character not in '"\\%' else "_" for character in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
