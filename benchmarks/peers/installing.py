"""Environments of the peers, made once: each has what PyPI has of it at a pinned version, nothing of ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "peers"
HYPERQUEUE: Final = "hyperqueue==0.27.0"
DASK: Final = "distributed==2026.8.0"


def python_with(requirement: str) -> Path:
    """The interpreter of an environment with this package of PyPI."""
    folder = CACHE / requirement
    program = folder / "bin" / "python"
    if not (folder / ".installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, requirement], check=True)
        (folder / ".installed").touch()
    return program
