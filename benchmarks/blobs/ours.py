"""The Blob service alone, as `batchite serve blob` with its defaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from batchite.configuration import accounts

NAME = "batchite"


def start(directory: Path, port: int) -> subprocess.Popen[bytes]:
    """Ends with this process, too, however that ends."""
    command = [sys.executable, "-m", "batchite", "serve", "blob", "--until-eof"]
    command += ["--data-dir", str(directory), "--blob-port", str(port)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def credentials(directory: Path) -> tuple[str, str]:
    """The account and its key, which the first start has made."""
    account = accounts.load(directory).storage[0]
    return account.name, account.keys[0]
