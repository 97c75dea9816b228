"""The product with nodes behind a wall, run by a user without rights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.nodes.sandbox import unprivileged
from tests.product import test_lifecycle

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).parents[2]
CLIENT = CHECKOUT / "examples" / "tutorial" / "tutorial_client.py"
PROGRAM = f"""
import os, subprocess, sys
from batchite.testing import running_service
with running_service(variables={{"BATCHITE_SANDBOX_TIER": "auto"}}) as service:
    print(*(line for line in service.lines if '"tier": "user"' in line or "Nodes   user" in line), flush=True)
    words = [sys.executable, {str(CLIENT)!r}, "--output", sys.argv[1], "--words", "2"]
    done = subprocess.run(words, env={{**os.environ, **service.variables}}, stdin=subprocess.DEVNULL)
sys.exit(done.returncode)
"""


def as_user(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What Python says to these words; the directory is the user's."""
    os.chown(directory, unprivileged.USER, unprivileged.USER)
    return subprocess.run(
        unprivileged.words((CHECKOUT, directory), [sys.executable, *words]),
        cwd=CHECKOUT,
        env={
            **os.environ,
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=unprivileged.SECONDS,
        check=False,
    )


def test_nodes_boot_again_and_are_removed(tmp_path: Path) -> None:
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", f"{tmp_path}/tests", "-m", ""]
    chosen = ["-k", "user", test_lifecycle.__file__]
    answer = as_user(tmp_path, *words, *chosen)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "5 passed" in answer.stdout


def test_the_tutorial(tmp_path: Path) -> None:
    answer = as_user(tmp_path, "-c", PROGRAM, str(tmp_path / "out"))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "user" in answer.stdout.splitlines()[0]
    results = [path.read_text() for path in sorted((tmp_path / "out").iterdir())]
    assert len(results) == 3
    assert all("the " in result and "Node: tvm" in result for result in results)
