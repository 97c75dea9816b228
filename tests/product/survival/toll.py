"""What the tasks themselves say: the lines each run appended to its task's own file."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path

WORK = Path(__file__).with_name("work.sh")


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

    def command(self, task: str, seconds: float, code: int, *, left_behind: bool, checksum: str) -> str:
        extra = f'{"left-behind" if left_behind else "nothing"} "{checksum}"'
        return f"/bin/sh {WORK} {self.directory} {task} {seconds:.2f} {code} {extra}"

    def runs(self, task: str) -> list[Run]:
        """In the order of their starts."""
        path = self.directory / task
        lines = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        codes = {tuple(words[1:4]): int(words[4]) for words in lines if words[0] == "end"}
        return [
            Run(node, int(pid), int(boot), alone == "alone", codes.get((node, pid, boot)))
            for kind, node, pid, boot, alone in lines
            if kind == "start"
        ]

    def is_between(self, task: str) -> bool:
        """Whether the last run has neither come to its end nor been ended, as far as its lines say."""
        runs = self.runs(task)
        return bool(runs) and runs[-1].code is None
