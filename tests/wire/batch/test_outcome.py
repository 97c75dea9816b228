"""How runs end, as the API shows it."""

from __future__ import annotations

import pytest

from batchite.wire.batch import outcome
from batchite.wire.batch.outcome import MAX_DETAILS, MAX_TEXT, Failure


@pytest.mark.parametrize(
    ("exit_code", "failure", "expected"),
    [
        (0, None, "success"),
        (3, Failure("usererror", "FailureExitCode", ""), "failure"),
        (None, Failure("servererror", "DiskFull", ""), "failure"),
        (None, None, "failure"),
    ],
)
def test_only_an_exit_code_of_0_is_success(
    exit_code: int | None, failure: Failure | None, expected: str
) -> None:
    assert outcome.result(exit_code, failure) == expected


@pytest.mark.parametrize(
    ("exit_code", "code", "expected"),
    [
        (3, "FailureExitCode", "exit"),
        (None, "BlobNotFound", "preprocessing"),
        (None, "CommandProgramNotFound", "preprocessing"),
        (0, "FileUploadContainerNotFound", "upload"),
        (3, "FileUploadAccessDenied", "upload"),
        (None, "FileUploadMiscError", "upload"),
        (0, "Unknown", "upload"),
        (None, "Unknown", "preprocessing"),
        (None, "TaskEnded", "ended"),
        (0, "TaskEnded", "ended"),
    ],
)
def test_kinds_of_trouble(exit_code: int | None, code: str, expected: str) -> None:
    assert outcome.trouble(exit_code, Failure("usererror", code, "")) == expected
    assert outcome.trouble(exit_code, None) is None


def test_a_failure_is_shown_as_the_api_spells_it() -> None:
    assert outcome.shown(Failure("servererror", "DiskFull", "The disk is full.")) == {
        "category": "servererror",
        "code": "DiskFull",
        "message": "The disk is full.",
    }
    failure = Failure("usererror", "FailureExitCode", "It ended with 3.", (("ExitCode", "3"),))
    assert outcome.shown(failure)["details"] == [{"name": "ExitCode", "value": "3"}]


def test_what_an_agent_says_is_bounded_and_of_a_known_category() -> None:
    text = "x" * (MAX_TEXT + 1)
    shown = outcome.shown(Failure("anything", text, text, ((text, text),) * (MAX_DETAILS + 1)))
    assert shown["category"] == "usererror"
    assert shown["code"] == shown["message"] == "x" * (MAX_TEXT - 1) + "…"
    assert len(shown["details"]) == MAX_DETAILS
    assert {len(text) for detail in shown["details"] for text in detail.values()} == {MAX_TEXT}
