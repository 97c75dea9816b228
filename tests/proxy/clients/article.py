"""The client and the task as articles of 2016 have them, run by `batchite exec` and by nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.clients import installing

from batchite.testing import RunningService

PROGRAMS = Path(__file__).parent / "programs"
RESULTS = ["one_OUTPUT.txt to 2 on tvm", "two_OUTPUT.txt a 3 on tvm"]


def under(service: RunningService) -> list[str]:
    """What comes before a command, so that it finds this service and nothing else."""
    options = ["--offline", "--data-dir", str(service.data_dir)]
    return [sys.executable, "-m", "batchite", "exec", *options, "--"]


def run(
    service: RunningService, directory: Path, seconds: float, nodes: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """With the five lines of the accounts filled in, and `nodes`: what it is to do on these, by the names of
    the client's constants."""
    filled = {
        "batch_account_name": service.batch_account,
        "batch_account_key": service.batch_key,
        "batch_account_url": f"https://{service.batch_account}.westeurope.batch.azure.com",
        "storage_account_name": service.storage_account,
        "storage_account_key": service.storage_key,
        **(nodes or {}),
    }
    shutil.copy(PROGRAMS / "article_task.py", directory)
    text = (PROGRAMS / "article_client.py").read_text(encoding="utf-8")
    for name, value in filled.items():
        assert f'\n{name} = ""' in text
        text = text.replace(f'\n{name} = ""', f"\n{name} = {value!r}")
    client = directory / "article_client.py"
    client.write_text(text, encoding="utf-8")
    python = installing.python_client(installing.OF_2016)
    command = [*under(service), str(python), "-W", "ignore", str(client)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
