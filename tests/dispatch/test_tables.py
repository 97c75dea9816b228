"""Nothing that the reactor decides or is told is left without somebody who sees to it."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from batchite.dispatch.committer import COMMON, WRITES, Guarded, Write
from batchite.dispatch.events import EVENTS
from batchite.dispatch.inputs import DUE
from batchite.dispatch.telling import tell_nodes, tell_tasks
from batchite.resources.feed import Telling
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.nodes import NodeMoved, NodeRemoved, NodeReset, NodeRested
from batchite.scheduling.changes.tasks import (
    Completed,
    Counted,
    Preparing,
    Removed,
    Requeued,
    Started,
    TaskMoved,
)
from batchite.scheduling.changes.times import DueKind
from batchite.store.batch import changes as store
from batchite.store.batch import job_nodes, leaving
from batchite.store.batch.events import PoolKind
from batchite.store.prepared import Prepared

DERIVED = {name for name, value in vars(Changes).items() if isinstance(value, property)}
KINDS: dict[str, Any] = {
    name: get_args(hint)[-1]
    for name, hint in (
        *get_type_hints(Changes).items(),
        *((name, get_type_hints(getattr(Changes, name).fget)["return"]) for name in DERIVED),
    )
}
STATEMENTS = [(kind, write) for kind, write in WRITES if isinstance(write, Write)]
COUNTED = {"job", "slots", "was"}
TOLD = {"id", "job_id", "node_id", "pool_id", "was"}
"""In the feed."""
NOT_STORED = {
    "preparing": COUNTED | TOLD,
    "started": COUNTED | TOLD,
    # in the cause, in parts, in the sums, as `satisfied`, in the counters, in `files_until`
    "completed": COUNTED | TOLD | {"last_line", "used", "created", "satisfies", "was_blocked", "retention"},
    "requeued": COUNTED | TOLD | {"why", "started", "used"},  # `why` chooses the statement
    "removed": COUNTED | TOLD | {"wall_time", "used", "was_blocked"},  # in the sums, in the counters
    "node_changed": TOLD,
    "node_reset": TOLD,
    "node_rested": TOLD,
    "node_removed": TOLD | {"cores", "at"},  # the cores of all nodes together
    "preparation_changed": TOLD,
    "release_changed": TOLD,
    "start_task_changed": {"retries", "last_retry", "failure"},  # in the `info`
}
"""Values of changes for which no statement has a parameter of that name."""
MOVES: dict[str, Any] = {
    "preparing": [Preparing(1, 1, 1, "task", "job", 1, 1, "node")],
    "started": {1: Started(1, 1, 1, "task", "job", 10, "node")},
    "completed": [Completed(1, 1, 1, "task", "job", "running", 10, 20, 0, None, "", None, None, "node", 5)],
    "requeued": {1: Requeued(1, 1, 1, "task", "job", "running", "retry", 20, 10, "node")},
    "removed": [Removed(1, 1, 1, "task", "job", "failed")],
}
"""An example of every kind that has to do with the counters."""


def attributes(kind: type) -> set[str]:
    properties = {name for name in dir(kind) if isinstance(getattr(kind, name), property)}
    return {*kind.__struct_fields__, *properties}  # type: ignore[attr-defined]


def test_every_kind_of_change_is_written() -> None:
    assert {kind for kind, _ in WRITES} == {*Changes.__struct_fields__, *DERIVED}


def test_every_statement_is_run() -> None:
    values = (*vars(store).values(), *vars(leaving).values(), *vars(job_nodes).values())
    prepared = {id(value) for value in values if isinstance(value, Prepared)}
    assert {id(write.statement) for _, write in STATEMENTS} == prepared


@pytest.mark.parametrize(("kind", "write"), STATEMENTS)
def test_what_a_statement_wants_is_a_value_of_the_change(kind: str, write: Write) -> None:
    wanted = write.statement.parameters.difference(COMMON, write.made)
    assert wanted <= attributes(KINDS[kind])
    assert write.made.keys() <= write.statement.parameters


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in STATEMENTS}))
def test_every_value_of_a_change_is_stored(kind: str) -> None:
    stored = {name for one, write in STATEMENTS if one == kind for name in write.statement.parameters}
    assert set(KINDS[kind].__struct_fields__) - stored <= NOT_STORED.get(kind, set())


def test_every_task_that_moves_is_counted() -> None:
    assert MOVES.keys() == {name for name, kind in KINDS.items() if issubclass(kind, TaskMoved)}
    for name, moved in MOVES.items():
        (counted,) = Changes(**{name: moved}).counted
        assert counted != Counted(1, 1)


def test_every_change_of_a_state_is_told() -> None:
    """A run with its start and its end; a node's changes, each for itself."""
    for name, moved in MOVES.items():
        telling = Telling()
        tell_tasks(telling, Changes(**{name: moved}), 1)
        assert telling.size == 1, name
    node: tuple[Any, ...] = (1, "node", "pool", "idle", 10)
    moves: dict[str, Any] = {
        "node_reset": [NodeReset(*node, "creating")],
        "node_rested": [NodeRested(*node, "unusable", 1, ())],
        "node_removed": [NodeRemoved(*node, 2)],
    }
    guarded = {kind for kind, write in WRITES if isinstance(write, Guarded)}
    moved_nodes = {name for name, kind in KINDS.items() if issubclass(kind, NodeMoved)}
    assert moves.keys() == moved_nodes - guarded
    for name, moved in moves.items():
        telling = Telling()
        tell_nodes(telling, Changes(**{name: moved}))
        assert telling.size == 1, name


def test_every_kind_of_event_is_read_and_decided_about() -> None:
    assert set(EVENTS) == set(get_args(PoolKind))


def test_every_time_that_is_set_is_heard_of() -> None:
    assert set(DUE) == set(get_args(DueKind))
