"""`python -m tests.product.starving DIRECTORY`, in a mount namespace: a small file system, filled up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.product.starving.scenario import starve

from batchite.testing.service import running_service

SIZE = 128 << 20
"""Bytes of the file system."""
CANNOT_MOUNT = 77
"""Exit code."""
PIECE = bytes(1 << 16)


@contextmanager
def filled(directory: Path) -> Iterator[None]:
    """To the last page."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (len(PIECE), 4096):
            try:
                while True:
                    file.write(PIECE[:size])
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


def main(directory: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(directory)]
    if subprocess.run(mount, check=False).returncode:
        sys.exit(CANNOT_MOUNT)
    with running_service(directory / "data") as service:
        asyncio.run(starve(service, [("room", lambda: filled(directory))]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
