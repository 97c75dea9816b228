"""The lock on a data directory."""

import subprocess
import sys
from pathlib import Path

import pytest

from batchite.machine.directory_lock import LockedError, held, is_held

HOLD = """
import pathlib, sys
from batchite.machine.directory_lock import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_once_and_ends_with_its_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    with held(path):
        assert is_held(path)
        with pytest.raises(LockedError), held(path):
            pass
    assert not is_held(path)


def test_a_lock_ends_with_its_process_and_names_it_before(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockedError) as caught, held(path):
            pass
        assert caught.value.holder == str(process.pid)
        process.kill()
        process.wait()
        with held(path, patience=5):
            assert is_held(path)
