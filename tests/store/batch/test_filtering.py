"""What lists can be filtered by."""

from __future__ import annotations

import pytest

from batchite.store.batch import filtering
from batchite.store.batch.filtering import Columns
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.odata.fields import read
from batchite.wire.batch.odata.filter import And, Comparison, StartsWith

TIME = "DateTime'2026-01-31T12:00:00Z'"


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            f"creationTime gt {TIME} and allocationState eq 'steady' and enableAutoScale eq false",
            filtering.POOLS,
        ),
        ("startswith(executionInfo/poolId,'p') or id ge 'm'", filtering.JOBS),
        (f"lastModifiedTime lt {TIME} and executionInfo/exitCode ne 0", filtering.TASKS),
        ("startTaskInfo/exitCode gt 1 and startTaskInfo/state eq 'running'", filtering.NODES),
    ],
)
def test_documented_filters_are_read(text: str, known: Columns) -> None:
    assert read(text, known.properties)


@pytest.mark.parametrize(
    ("text", "known", "finding"),
    [
        ("name eq 'x'", filtering.TASKS, "filters by name"),
        ("Id eq 'x'", filtering.TASKS, "filters by Id"),
        ("id eq 5", filtering.TASKS, "wrong type"),
        ("executionInfo/exitCode eq true", filtering.TASKS, "wrong type"),
        ("executionInfo/exitCode eq '1'", filtering.TASKS, "wrong type"),
        ("creationTime eq '2026-01-31T12:00:00Z'", filtering.TASKS, "wrong type"),
        ("state gt 'active'", filtering.TASKS, "supports eq, ne"),
        ("allocationState ne 'steady'", filtering.POOLS, "supports eq"),
        ("state eq 'done'", filtering.TASKS, "active, preparing, running, completed"),
        ("startswith(state,'a')", filtering.TASKS, "does not support it"),
        ("id eq 'a' and (id eq 'b' or zone eq 'c')", filtering.JOBS, "filters by zone"),
    ],
)
def test_what_a_list_does_not_know_is_refused(text: str, known: Columns, finding: str) -> None:
    with pytest.raises(BatchError, match="InvalidQueryParameterValue") as caught:
        read(text, known.properties)
    assert finding in caught.value.message


def test_enumerations_come_out_in_lower_case() -> None:
    found = read("state eq 'Completed' and startswith(id,'A')", filtering.TASKS.properties)
    assert found == And((Comparison("state", "eq", "completed"), StartsWith("id", "A")))


@pytest.mark.parametrize(
    "known",
    [
        filtering.POOLS,
        filtering.JOBS,
        filtering.TASKS,
        filtering.NODES,
        filtering.NODE_COUNTS,
        filtering.USAGE,
    ],
)
def test_what_can_be_filtered_by_is_a_property(known: Columns) -> None:
    strange = [name for name in known.properties if not is_property(name, known.model)]
    assert strange == (["lastModifiedTime"] if known is filtering.TASKS else [])


def is_property(path: str, model: type[Model]) -> bool:
    name, _, rest = path.partition("/")
    found = next((one for one in shapes.properties(model) if one.name == name), None)
    if found is None or not rest:
        return found is not None
    return found.model is not None and is_property(rest, found.model)
