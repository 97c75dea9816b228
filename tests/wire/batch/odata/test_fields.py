"""What lists can be filtered by."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.odata import fields
from batchite.wire.batch.odata.fields import Field, read
from batchite.wire.batch.odata.filter import And, Comparison, StartsWith

TIME = "DateTime'2026-01-31T12:00:00Z'"


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            f"creationTime gt {TIME} and allocationState eq 'steady' and enableAutoScale eq false",
            fields.POOLS,
        ),
        ("startswith(executionInfo/poolId,'p') or id ge 'm'", fields.JOBS),
        (f"lastModifiedTime lt {TIME} and executionInfo/exitCode ne 0", fields.TASKS),
        ("startTaskInfo/exitCode gt 1 and startTaskInfo/state eq 'running'", fields.NODES),
        ("startswith(name,'wd/')", fields.FILES),
        ("osType eq 'linux' and nodeAgentSKUId eq 'batch.node.debian 12'", fields.IMAGES),
    ],
)
def test_documented_filters_are_read(text: str, known: Mapping[str, Field]) -> None:
    assert read(text, known)


@pytest.mark.parametrize(
    ("text", "known", "finding"),
    [
        ("name eq 'x'", fields.TASKS, "filters by name"),
        ("Id eq 'x'", fields.TASKS, "filters by Id"),
        ("id eq 5", fields.TASKS, "wrong type"),
        ("executionInfo/exitCode eq true", fields.TASKS, "wrong type"),
        ("executionInfo/exitCode eq '1'", fields.TASKS, "wrong type"),
        ("creationTime eq '2026-01-31T12:00:00Z'", fields.TASKS, "wrong type"),
        ("state gt 'active'", fields.TASKS, "supports eq, ne"),
        ("allocationState ne 'steady'", fields.POOLS, "supports eq"),
        ("state eq 'done'", fields.TASKS, "active, preparing, running, completed"),
        ("startswith(state,'a')", fields.TASKS, "does not support it"),
        ("name eq 'x'", fields.FILES, "startswith only"),
        ("id eq 'a' and (id eq 'b' or zone eq 'c')", fields.JOBS, "filters by zone"),
    ],
)
def test_what_a_list_does_not_know_is_refused(text: str, known: Mapping[str, Field], finding: str) -> None:
    with pytest.raises(BatchError, match="InvalidQueryParameterValue") as caught:
        read(text, known)
    assert finding in caught.value.message


def test_enumerations_come_out_in_lower_case() -> None:
    found = read("state eq 'Completed' and startswith(id,'A')", fields.TASKS)
    assert found == And((Comparison("state", "eq", "completed"), StartsWith("id", "A")))
