"""The page that keeps the figures: what is written by hand stays, what was measured is replaced."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.figures import Measured, table

PAGE = Path(__file__).resolve().parent / "README.md"
MARK = "<!-- written by python -m benchmarks; below this line nothing is written by hand -->\n"


def text(results: Sequence[Measured], load: str) -> str:
    """Table, machine and remarks, as Markdown."""
    day = datetime.datetime.now(datetime.UTC).date()
    about = f"{day}, {machine.described()}; load average {load} before, {machine.load()} after."
    remarks = "\n".join(f"- {remark}" for measured in results for remark in measured.remarks)
    rows = [row for measured in results for row in measured.rows]
    return f"\n{about}\n\n{table(rows)}\n\n{remarks}\n"


def keep(written: str) -> None:
    by_hand = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(by_hand + MARK + written, encoding="utf-8")
