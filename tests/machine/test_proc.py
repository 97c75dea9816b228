"""What the kernel says about processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from batchite.machine import proc

DEEP = """import os, sys
for _ in range(50):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
os.dup2(os.open("file", os.O_WRONLY | os.O_CREAT), 2)
print("deep", flush=True)
sys.stdin.read()
"""


def test_a_process_that_works_deeper_than_a_path_is_long(tmp_path: Path) -> None:
    """Whoever looks for a node's processes sees of it what there is, and goes on."""
    with subprocess.Popen(
        [sys.executable, "-c", DEEP], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"deep\n"
        assert proc.working_directory(process.pid) == ""
        assert proc.places(process.pid) == [os.readlink(f"/proc/{process.pid}/fd/1")]
