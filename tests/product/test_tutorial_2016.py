"""The program of 2016, as `make tutorial-2016` runs it, with the SDKs of that year."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.clients import installing

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "tutorial_2016"


def test_the_program_knows_nothing_of_ours() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in EXAMPLE.iterdir())
    assert "batchite" not in text.lower()


@pytest.mark.clients
def test_from_nothing_to_the_results() -> None:
    python = installing.python_client(installing.OF_2016)
    command = [sys.executable, str(ROOT / "examples" / "run_tutorial.py"), "--python", str(python)]
    command += ["--client", str(EXAMPLE / "letters_client.py")]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    steps = [
        f"Uploading file {EXAMPLE / 'letters_task.py'} to container [letters-application]",
        "Creating pool [Letters2016Pool] of 2 nodes with UbuntuServer 14.04.5-LTS",
        "Creating job [Letters2016Job]",
        "Adding 3 tasks to job [Letters2016Job]",
        "All tasks completed.",
        "Downloaded blob [taskdata1_letters.txt]",
        "Deleting containers, job and pool",
        "All services and compute nodes have stopped.",
    ]
    positions = [answer.stdout.find(step) for step in steps]
    assert -1 not in positions, (steps[positions.index(-1)], answer.stdout)
    assert positions == sorted(positions)
    for number, letters in enumerate((4857, 5115, 6171)):
        assert re.search(rf"^e +{letters}$", answer.stdout, re.MULTILINE)
        assert re.search(rf"^counted by letters{number} on tvm", answer.stdout, re.MULTILINE)
