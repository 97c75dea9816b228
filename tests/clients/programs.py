"""A client runs as a program of its own, and prints what it has seen as one JSON object."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


async def seen(
    *command: str | Path, folder: Path | None = None, variables: Mapping[str, str] | None = None
) -> Any:
    """What the program has seen, run in `folder` with `variables` beside those of the tests."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **(variables or {})},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)
