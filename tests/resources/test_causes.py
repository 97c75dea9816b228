"""Which failures are of the same cause."""

from __future__ import annotations

import pytest

from batchite.resources.causes import kind, of
from batchite.wire.batch.outcome import EXIT_CODE, Failure

EXIT = Failure("usererror", EXIT_CODE, "The task exited with an exit code representing a failure")


def cause(line: str, code: int = 1) -> str:
    return of(EXIT, code, line).id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file 37 missing", "file 4038 missing"),
        ("part37.dat: bad", "part4.dat: bad"),
        ("at 0x7ffe01: fault", "at 0xdead: fault"),
        ("no object 9f86d081884c7d65", "no object 60303ae22b998861"),
        ("no key 123e4567-e89b-12d3-a456-426614174000", "no key 00000000-0000-0000-0000-00000000abcd"),
        ("/tmp/tmpa8f3k/x: gone", "/tmp/tmpz1q9p/x: gone"),
        ("loss 3.14", "loss 2"),
        ("12:30:01 timed out after 30s", "12:31:59 timed out after 5s"),
        ("10.0.0.4 refused", "10.0.12.77 refused"),
        ("2026-11-29T08:00:00Z done for", "2025-01-01T23:59:59Z done for"),
    ],
)
def test_numbers_and_made_up_names_do_not_count(one: str, other: str) -> None:
    assert cause(one) == cause(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("file missing", "file damaged"),
        ("defaced", "decaded"),
        ("No space", "no space"),
        ("part1.dat: bad", "part1.txt: bad"),
    ],
)
def test_words_count(one: str, other: str) -> None:
    assert cause(one) != cause(other)


def test_the_exit_code_and_the_failure_count() -> None:
    assert cause("same", 1) != cause("same", 2)
    gone = Failure("usererror", "BlobNotFound", "same")
    assert of(gone, None, "").id != of(Failure("usererror", "BlobAccessDenied", "same"), None, "").id


def test_where_no_command_came_to_its_end_the_failure_tells() -> None:
    found = of(Failure("usererror", "CommandProgramNotFound", "No program 'x1'."), None, "believe me")
    assert (found.code, found.line) == ("CommandProgramNotFound", "No program 'x1'.")


def test_what_an_agent_says_is_bounded_and_harmless() -> None:
    found = of(Failure("strange", "C\0" * 5000, "m" * 5000), 2, "x\n" * 5000)
    assert found.category == "usererror"
    assert len(found.code) <= 200
    assert "\0" not in found.code
    assert len(of(EXIT, 2, "x\n\0" * 500_000).line) <= 200
    assert of(None, 1, "").code == EXIT_CODE


def test_the_rule_is_quick_for_any_line() -> None:
    """Nothing of the pattern tries again what it has tried."""
    for line in ("a1" * 100, "1" * 199 + "x", "1.1.1." * 33):
        assert kind(line).strip(".x") == "#"
