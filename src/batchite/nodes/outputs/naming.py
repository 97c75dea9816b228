"""What an output file is called in its container."""

from __future__ import annotations

from batchite.nodes.outputs.finding import Found
from batchite.nodes.sandbox.spelling import spelled


def blob_name(found: Found, path: str | None, *, is_wild: bool) -> str:
    """`path` is the blob's own name, or if several files may be meant the directory of all; without one the
    container is the directory."""
    name = spelled(found.name)
    if not path:
        return name
    return f"{path.strip('/')}/{name}".lstrip("/") if is_wild else path.lstrip("/")
