"""The last lines of what a node's start task printed, as far as the node can be asked for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from batchite.ports.node_files import NodeFileError, NodeFiles, NodeUnreachableError
from batchite.wire.batch.directories import STARTUP

NAMES = ("stderr.txt", "stdout.txt")
MOST_BYTES = 4096
"""Read from the end of a file."""
MOST_LINES = 20
SECONDS = 5.0
"""An explanation waits no longer for them."""


async def of_start_task(files: NodeFiles, node_id: str) -> Mapping[str, str]:
    """By name of the file; those that are empty or cannot be had are left out."""
    found: dict[str, str] = {}
    try:
        async with asyncio.timeout(SECONDS):
            for name in NAMES:
                if text := await _tail(files, node_id, f"{STARTUP}/{name}"):
                    found[name] = text
    except (NodeUnreachableError, TimeoutError):
        pass
    return found


async def _tail(files: NodeFiles, node_id: str, path: str) -> str:
    """Raises NodeUnreachableError."""
    try:
        size = (await files.status(node_id, path)).size
        offset = max(size - MOST_BYTES, 0)
        if not size:
            return ""
        content = b"".join([chunk async for chunk in await files.read(node_id, path, offset, size - offset)])
    except NodeFileError:
        return ""
    lines = content.decode(errors="replace").splitlines()
    return "\n".join(lines[1 if offset else 0 :][-MOST_LINES:])
