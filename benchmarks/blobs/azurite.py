"""Azurite, the emulator that the Blob service is compared with: installed once, started as a process."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from benchmarks.operations import WorkloadError

VERSION = "3.37.0"
NAME = f"Azurite {VERSION}"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "azurite"
ACCOUNT = "bench"
KEY = base64.b64encode(secrets.token_bytes(64)).decode()


def program() -> Path:
    """Its Blob service as a script for node, from npm when it is not there yet. Raises WorkloadError."""
    folder = CACHE / VERSION
    script = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not script.exists():
        _install(folder)
    return script


def start(directory: Path, port: int) -> subprocess.Popen[bytes]:
    """With all that makes it faster: no access log, no telemetry, no check of API versions."""
    command = ["node", str(program()), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(directory)]
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
    )


def credentials(directory: Path) -> tuple[str, str]:
    """The account and its key, the same for all data."""
    return ACCOUNT, KEY


def _install(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise WorkloadError("node and npm are needed to compare with Azurite")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished = folder.with_suffix(f".{os.getpid()}")
    unfinished.mkdir(parents=True)
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    subprocess.run([*command, "--prefix", str(unfinished), f"azurite@{VERSION}"], check=True)
    unfinished.rename(folder)
