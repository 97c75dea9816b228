"""What the ends of tasks lead to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.resources.rules import TaskRules
from batchite.scheduling import exits
from batchite.wire.batch import codec
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.outcome import EXIT_CODE, Exit, Failure


def failed(code: str) -> Failure:
    return Failure("usererror", code, "")


GOOD = Exit(1, 2, 0, None)
BAD = Exit(1, 2, 7, failed(EXIT_CODE))
NOT_STARTED = Exit(1, 2, None, failed("BlobNotFound"))
NOT_STORED = Exit(1, 2, 0, failed("FileUploadMiscError"))
BAD_AND_NOT_STORED = Exit(1, 2, 7, failed("FileUploadMiscError"))
ENDED = Exit(1, 2, None, failed("TaskEnded"))
NEVER_RAN = Exit(None, 2, None, failed("TaskEnded"))
ALL = (GOOD, BAD, NOT_STARTED, NOT_STORED, BAD_AND_NOT_STORED, ENDED, NEVER_RAN)

SATISFY, BLOCK = {"dependencyAction": "satisfy"}, {"dependencyAction": "block"}
KEEP, DISABLE, END = ({"jobAction": action} for action in ("none", "disable", "terminate"))


def rules(**conditions: Any) -> TaskRules:
    task = {"id": "t", "commandLine": "true", "exitConditions": conditions}
    return TaskRules.of(codec.decode(json.dumps(task).encode(), BatchTaskCreateOptions))


def codes(*codes: int, options: object) -> list[object]:
    return [{"code": code, "exitOptions": options} for code in codes]


def a_range(first: int, last: int, options: object) -> list[object]:
    return [{"start": first, "end": last, "exitOptions": options}]


@pytest.mark.parametrize("conditions", [None, {}, {"default": {}}, {"exitCodes": codes(7, options={})}])
def test_success_satisfies_and_failure_keeps_and_ends_the_job(conditions: dict[str, Any] | None) -> None:
    usual = TaskRules() if conditions is None else rules(**conditions)
    assert [exits.satisfies(usual, one) for one in ALL] == [True] + [False] * 6
    assert [exits.job_action(usual, one) for one in ALL] == ["none"] + ["terminate"] * 6


@pytest.mark.parametrize(
    ("conditions", "satisfied"),
    [
        ({"exitCodes": codes(7, options=SATISFY)}, {BAD, BAD_AND_NOT_STORED}),
        ({"exitCodes": codes(0, options=BLOCK)}, set()),
        ({"exitCodes": codes(0, options=SATISFY)}, {NOT_STORED}),
        ({"exitCodeRanges": a_range(7, 7, SATISFY)}, {BAD, BAD_AND_NOT_STORED}),
        ({"exitCodeRanges": a_range(-5, 6, SATISFY)}, {NOT_STORED}),
        ({"exitCodes": codes(7, options=BLOCK), "exitCodeRanges": a_range(1, 9, SATISFY)}, set()),
        ({"exitCodes": [*codes(7, options=SATISFY), *codes(7, options=BLOCK)]}, {BAD, BAD_AND_NOT_STORED}),
        ({"preProcessingError": SATISFY}, {NOT_STARTED}),
        ({"fileUploadError": SATISFY}, {NOT_STORED, BAD_AND_NOT_STORED}),
        ({"default": SATISFY}, set(ALL)),
        ({"default": SATISFY, "preProcessingError": BLOCK}, set(ALL) - {NOT_STARTED}),
        ({"default": SATISFY, "fileUploadError": BLOCK}, set(ALL) - {NOT_STORED, BAD_AND_NOT_STORED}),
        ({"default": SATISFY, "exitCodes": codes(7, options=BLOCK)}, set(ALL) - {BAD, BAD_AND_NOT_STORED}),
    ],
)
def test_the_first_condition_that_is_met_says_whether_it_satisfies(
    conditions: dict[str, Any], satisfied: set[Exit]
) -> None:
    found = {one for one in ALL if exits.satisfies(rules(**conditions), one)}
    assert found == satisfied | ({GOOD} if conditions != {"exitCodes": codes(0, options=BLOCK)} else set())


@pytest.mark.parametrize(
    ("conditions", "exit_", "action"),
    [
        ({"default": KEEP}, BAD, "none"),
        ({"default": DISABLE}, ENDED, "disable"),
        ({"default": END}, GOOD, "none"),
        ({"exitCodes": codes(0, options=END)}, GOOD, "terminate"),
        ({"exitCodes": codes(7, options=KEEP), "default": DISABLE}, BAD, "none"),
        ({"exitCodes": codes(7, options=SATISFY), "default": DISABLE}, BAD, "terminate"),
        ({"preProcessingError": DISABLE}, NOT_STARTED, "disable"),
        ({"fileUploadError": KEEP}, NOT_STORED, "none"),
    ],
)
def test_and_what_becomes_of_the_job(conditions: dict[str, Any], exit_: Exit, action: str) -> None:
    assert exits.job_action(rules(**conditions), exit_) == action
