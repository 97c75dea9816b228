"""What stored states mean."""

import pytest

from batchite.resources import states
from batchite.wire.batch.models.enums import BatchJobState, BatchTaskState


def test_jobs_are_stored_in_the_states_of_the_api() -> None:
    assert set(states.JOB) == {state.value for state in BatchJobState}


def test_a_task_is_found_by_the_state_it_is_shown_in() -> None:
    for stored in states.TASK:
        assert stored in states.shown_as(states.shown(stored).value)
    assert states.shown_as("active") == ("active", "blocked", "leased")
    assert states.shown_as(BatchTaskState.PREPARING.value) == ("preparing",)
    assert states.counted_as("running") == ("preparing", "running")


@pytest.mark.parametrize(
    ("stored", "result", "counted"),
    [
        ("active", None, "active"),
        ("blocked", None, "active"),
        ("leased", None, "active"),
        ("preparing", None, "running"),
        ("running", None, "running"),
        ("completed", "success", "succeeded"),
        ("completed", "failure", "failed"),
    ],
)
def test_tasks_are_counted(stored: str, result: str | None, counted: str) -> None:
    assert states.counted(stored, result) == counted


def test_what_waits_is_on_no_node_and_what_is_over_is_nowhere() -> None:
    assert states.WAITING == "active"
    assert states.BLOCKED == "blocked"
    assert states.ON_NODE == ("leased", "preparing", "running")
    assert states.UNFINISHED == ("active", "blocked", "leased", "preparing", "running")


def test_a_job_that_ends_takes_nothing_and_changes_no_more() -> None:
    live = {"active", "disabling", "disabled", "enabling"}
    assert set(states.TAKING_TASKS) == set(states.ENDABLE) == live
    assert set(states.DELETABLE) == live | {"terminating", "completed"}
    assert set(states.ENDING) == {"terminating", "deleting"}
    assert states.STARTING_TASKS == ("active",)
    assert states.CLOSED == "completed"
