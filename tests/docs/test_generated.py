"""The pages made of data say what the code does."""

import subprocess
import sys
from pathlib import Path

GENERATE = Path(__file__).parents[2] / "docs" / "generate.py"


def test_pages_are_up_to_date() -> None:
    answer = subprocess.run(
        [sys.executable, str(GENERATE), "--check"], check=False, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
