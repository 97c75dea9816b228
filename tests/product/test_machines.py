"""The product with nodes that are machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from batchite.testing import running_service

pytestmark = pytest.mark.system

CLIENT = Path(__file__).parents[2] / "examples" / "tutorial" / "tutorial_client.py"


def doctor(data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "batchite", "doctor", "--json", "--data-dir", str(data_dir)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=60, env={**os.environ, **variables}, check=False
    )


def test_the_tutorial(tmp_path: Path) -> None:
    with running_service(variables={"BATCHITE_SANDBOX_TIER": "machine"}) as service:
        assert any('"tier": "machine"' in line or "Nodes   machine" in line for line in service.lines)
        words = [sys.executable, str(CLIENT), "--output", str(tmp_path), "--words", "2"]
        answer = subprocess.run(
            words,
            env={**os.environ, **service.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
    results = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert len(results) == 3
    assert all("the " in result and "Node: tvm" in result for result in results)


def test_doctor_tries_and_leaves_nothing(tmp_path: Path) -> None:
    answer = doctor(tmp_path / "data", BATCHITE_SANDBOX_TIER="auto")
    told = json.loads(answer.stdout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert told["tiers"]["machine"]["can"] is True
    assert told["chosen"]["tier"] == "machine"
    assert os.listdir(tmp_path) == []


def test_a_start_that_cannot_have_what_is_required_says_why_and_what_to_do(tmp_path: Path) -> None:
    """As in most containers; here the nodes' directory is one that takes none."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nodes").symlink_to("/proc")
    variables = {"BATCHITE_SANDBOX_REQUIRE": "machine"}
    answer = doctor(tmp_path / "data", **variables)
    told = json.loads(answer.stdout)
    assert answer.returncode == 1
    assert told["tiers"]["machine"]["can"] is False
    assert told["chosen"]["tier"] is None
    words = [sys.executable, "-m", "batchite", "serve", "--data-dir", str(tmp_path / "data")]
    words += ["--batch-port", "0", "--blob-port", "0"]
    refused = subprocess.run(
        words, capture_output=True, text=True, timeout=60, env={**os.environ, **variables}, check=False
    )
    assert refused.returncode == 1
    assert "sandbox.require = 'machine', but nodes cannot be machines here. This machine" in refused.stderr
    assert "batchite doctor" in refused.stderr
    automatic = json.loads(doctor(tmp_path / "data", BATCHITE_SANDBOX_TIER="auto").stdout)
    assert automatic["chosen"]["tier"] == "process"
    assert "cannot be machines here" in automatic["chosen"]["why"]
