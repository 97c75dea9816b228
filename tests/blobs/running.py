"""The service of `crashing.py` run below another program, for tests that watch it or fence it in."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]


@contextmanager
def connected(command: Sequence[str]) -> Iterator[HTTPConnection | None]:
    """A connection to the service that the command starts, None if it does not; it ends afterwards."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/src"},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        url = urlsplit(process.stdout.readline().partition(" ")[2])
        connection = HTTPConnection(url.hostname, url.port or 0, timeout=60) if url.hostname else None
        try:
            yield connection
        finally:
            if connection is not None:
                connection.close()
            process.stdin.close()  # which ends the service, and with it what runs it
