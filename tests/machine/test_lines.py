"""What is logged stays on its line, whoever wrote it."""

import logging
import sys

from batchite.machine.lines import Lines, in_a_line


def test_a_line_stays_one() -> None:
    assert in_a_line("two\nlines\x1b[0m é") == "two\\nlines\\x1b[0m é"
    assert in_a_line("\ud800\u2028") == "\\ud800\\u2028"


def test_only_a_traceback_takes_more_lines() -> None:
    record = logging.LogRecord("a", logging.ERROR, "", 0, "%s failed", ("x\n2026-01-01 forged",), None)
    form = Lines("%(levelname)s %(message)s")
    assert form.format(record) == "ERROR x\\n2026-01-01 forged failed"
    try:
        raise ValueError("why")
    except ValueError:
        record.exc_info = sys.exc_info()
    first, *more = form.format(record).splitlines()
    assert first == "ERROR x\\n2026-01-01 forged failed"
    assert (more[0], more[-1]) == ("Traceback (most recent call last):", "ValueError: why")
