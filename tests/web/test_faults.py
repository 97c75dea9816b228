"""Errors that a test asks for: which requests get them, and who may ask."""

from __future__ import annotations

import pytest

from batchite.web.faults import Fault, Faults
from batchite.web.problems import InjectedFault

CODES = {"ServerBusy": (503, ""), "JobExists": (409, ""), "TaskExists": (409, ""), "InternalError": (500, "")}


def faults() -> Faults:
    return Faults(["Task_Add", "Task_Get"], CODES, "secret")


def code_of(faults: Faults, operation: str) -> str | None:
    try:
        faults.check(operation)
    except InjectedFault as fault:
        return fault.code
    return None


def test_the_next_requests_of_the_operation_fail_and_no_others() -> None:
    asked = faults()
    asked.add(Fault("Task_Add", times=2))
    asked.add(Fault("Task_Add", status=500))
    assert code_of(asked, "Task_Get") is None
    assert [code_of(asked, "Task_Add") for _ in range(4)] == [
        "ServerBusy",
        "ServerBusy",
        "InternalError",
        None,
    ]


def test_a_code_is_chosen_or_given() -> None:
    asked = faults()
    asked.add(Fault("Task_Get", status=409))
    asked.add(Fault("Task_Get", code="TaskExists"))
    assert [code_of(asked, "Task_Get") for _ in range(2)] == ["JobExists", "TaskExists"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("Task_Ad"), "no operation 'Task_Ad'"),
        (Fault("Task_Add", times=0), "from 1"),
        (Fault("Task_Add", status=418), "there are [409, 500, 503]"),
        (Fault("Task_Add", code="Nonsense"), "no error 'Nonsense'"),
    ],
)
def test_what_cannot_be_asked_for_is_told(fault: Fault, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        faults().add(fault)
    assert said in str(refused.value)
