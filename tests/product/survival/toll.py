"""What the tasks themselves say: the lines each run appended to its task's own file."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

WORK = Path(__file__).with_name("work.sh")
AROUND = Path(__file__).with_name("around.sh")
TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Of the kernel's clock, in a second."""
_BOOTED: Final = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Run:
    """One process that ran a task."""

    node: str
    pid: int
    boot: int
    """when the kernel started it, in its clock ticks"""
    alone: bool
    """whether nothing of an earlier run of the task was left"""
    code: int | None
    """the exit code of a run that came to its own end"""
    ended: int | None
    """when it did, in the same ticks"""

    @property
    def began(self) -> datetime:
        return datetime.fromtimestamp(_BOOTED + self.boot / TICKS, UTC)


class Toll:
    """The files of all tasks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._gate = (directory / "release").open("w")
        fcntl.flock(self._gate, fcntl.LOCK_EX)

    def release(self) -> None:
        """Let all runs, and those to come, end at once."""
        self._gate.close()

    def command(
        self,
        task: str,
        seconds: float,
        code: int,
        *,
        left_behind: bool = False,
        checksum: str = "",
        leaves: int = 0,
    ) -> str:
        """`leaves`: so many bytes, in a file."""
        extra = f'{"left-behind" if left_behind else "nothing"} "{checksum}" {leaves or ""}'
        return f"/bin/sh {WORK} {self.directory} {task} {seconds:.2f} {code} {extra}"

    def around(self, task: str) -> str:
        """The command of a job's preparation or release: `prepare` or `release`."""
        return f"/bin/sh {AROUND} {self.directory} {task}"

    def boot(self) -> str:
        """The command of a start task."""
        return f"/bin/sh -c 'echo boot >>{self.directory}/boots-$AZ_BATCH_NODE_ID'"

    def boots(self, node: str) -> int:
        """How often the node's start task has begun."""
        path = self.directory / f"boots-{node}"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def nodes_around(self, job: str, what: str) -> list[str]:
        """The nodes on which `prepare-end` and the like have been, in order."""
        path = self.directory / f"around-{job}"
        lines = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        return [node for kind, node in lines if kind == what]

    def runs(self, task: str) -> list[Run]:
        """In the order of their starts."""
        path = self.directory / task
        lines = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        ends = {tuple(words[1:4]): words[4:] for words in lines if words[0] == "end"}
        return [_run(words[1:], ends.get(tuple(words[1:4]))) for words in lines if words[0] == "start"]

    def all_runs(self) -> dict[str, list[Run]]:
        """By the names of tasks."""
        names = [path.name.removesuffix(".lock") for path in self.directory.glob("*.lock")]
        return {name: self.runs(name) for name in names}

    def mend(self, task: str) -> None:
        """The task ends well from now on."""
        (self.directory / f"{task}.mended").touch()

    def is_quiet(self, task: str) -> bool:
        """Whether nothing of the task runs, nor of what its runs have left behind."""
        with (self.directory / f"{task}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def is_between(self, task: str) -> bool:
        """Whether the last run has neither come to its end nor been ended, as far as its lines say."""
        runs = self.runs(task)
        return bool(runs) and runs[-1].code is None


def checksum(content: bytes) -> str:
    """As `command` takes it."""
    return subprocess.run(["cksum"], input=content, check=True, capture_output=True).stdout.decode().strip()


def _run(start: list[str], end: list[str] | None) -> Run:
    node, pid, boot, alone = start
    code, ended = (None, None) if end is None else (int(end[0]), round(float(end[1]) * TICKS))
    return Run(node, int(pid), int(boot), alone == "alone", code, ended)
