"""A process beside the program that another one becomes."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, sys
from batchite.machine import beside

ended = os.pidfd_open(os.getpid())
reading, writing = os.pipe()

def run():
    import select
    select.select([ended], [], [])
    open_here = sorted(int(name) for name in os.listdir("/proc/self/fd"))
    with open(sys.argv[1], "w") as file:
        print(os.getsid(0) != %d, open_here == [0, 1, 2, ended, file.fileno()], file=file)

beside.start(run, [ended])
os.execvp("sh", ["sh", "-c", "sleep 0 & wait; echo $$ > " + sys.argv[2] + "; exit 3"])
"""


def test_it_goes_on_until_the_other_has_ended_and_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever reads standard error to its end has waited for both."""
    told, number = tmp_path / "told", tmp_path / "number"
    program = PROGRAM % os.getsid(0)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(told), str(number)], stderr=subprocess.PIPE, text=True
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert number.read_text() == f"{process.pid}\n"
    assert told.read_text() == "True True\n"
