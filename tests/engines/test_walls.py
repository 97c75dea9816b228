"""Nodes of the local engine behind a wall: from a spec to a task, and to nothing at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engines import as_user
from tests.nodes.sandbox import unprivileged

from batchite.engines.local import walls

pytestmark = pytest.mark.system
CHECKOUT = Path(__file__).parents[2]


def test_they_are_for_a_user_without_rights(tmp_path: Path) -> None:
    os.chown(tmp_path, unprivileged.USER, unprivileged.USER)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        f"{tmp_path}/tests",
    ]
    done = subprocess.run(
        unprivileged.words((CHECKOUT, tmp_path), [*words, as_user.__file__]),
        cwd=CHECKOUT,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=unprivileged.SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_they_are_not_for_root(tmp_path: Path) -> None:
    assert walls.trial(tmp_path / "nodes").reason == "That tier is for services that root does not run."
    assert os.listdir(tmp_path) == []
