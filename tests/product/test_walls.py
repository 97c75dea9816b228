"""The product with nodes behind a wall, run by a user without rights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.nodes.sandbox import unprivileged

pytestmark = pytest.mark.system

CHECKOUT = Path(__file__).parents[2]
CLIENT = CHECKOUT / "examples" / "tutorial" / "tutorial_client.py"
PROGRAM = f"""
import os, subprocess, sys
from batchite.testing import running_service
with running_service(variables={{"BATCHITE_SANDBOX_TIER": "auto"}}) as service:
    print(*(line for line in service.lines if '"tier": "user"' in line or "Nodes   user" in line))
    words = [sys.executable, {str(CLIENT)!r}, "--output", sys.argv[1], "--words", "2"]
    done = subprocess.run(words, env={{**os.environ, **service.variables}}, stdin=subprocess.DEVNULL)
sys.exit(done.returncode)
"""


def test_the_tutorial(tmp_path: Path) -> None:
    os.chown(tmp_path, unprivileged.USER, unprivileged.USER)
    answer = subprocess.run(
        unprivileged.words((CHECKOUT, tmp_path), [sys.executable, "-c", PROGRAM, str(tmp_path / "out")]),
        env={**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "user" in answer.stdout.splitlines()[0]
    results = [path.read_text() for path in sorted((tmp_path / "out").iterdir())]
    assert len(results) == 3
    assert all("the " in result and "Node: tvm" in result for result in results)
