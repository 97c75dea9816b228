"""The page that keeps the figures: what is written by hand stays, what was measured is replaced.

Every family has a section of its own with the day and the machine, so that one which is measured anew takes
the place of its former figures and of no others.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import machine
from benchmarks.figures import Measured, table

PAGE = Path(__file__).resolve().parent / "README.md"
MARK = "<!-- written by python -m benchmarks; below this line nothing is written by hand -->\n"
_HEAD = re.compile(r"^## (.+)\n", re.MULTILINE)

Sections = Mapping[str, str]
"""what follows the heading of each family"""


def section(measured: Measured, load: str) -> str:
    """Machine, table and remarks, as Markdown."""
    day = datetime.datetime.now(datetime.UTC).date()
    about = f"{day}, {machine.described()}; load average {load} before, {machine.load()} after."
    remarks = "\n".join(f"- {remark}" for remark in measured.remarks)
    return f"\n{about}\n\n{table(measured.rows)}\n" + (f"\n{remarks}\n" if remarks else "")


def text(sections: Sections) -> str:
    return "\n".join(f"## {name}\n{content}" for name, content in sections.items())


def keep(sections: Sections, *, whole: bool) -> None:
    """`whole`: these are all there are; otherwise what they do not replace stays."""
    by_hand, _, written = PAGE.read_text(encoding="utf-8").partition(MARK)
    before, *parts = _HEAD.split(written)
    kept = {} if whole else dict(zip(parts[::2], map(_ended, parts[1::2]), strict=True))
    before = "" if whole else before.strip("\n")
    lead = f"\n{before}\n\n" if before else "\n"
    PAGE.write_text(by_hand + MARK + lead + text({**kept, **sections}), encoding="utf-8")


def _ended(content: str) -> str:
    return content.rstrip("\n") + "\n"
