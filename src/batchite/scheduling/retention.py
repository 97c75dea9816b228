"""Files of tasks that are over are removed from their nodes when nobody is to want them any more.

Until when they are kept says each task's row (`files_until`); when that is to be looked at, a row in `due`
for each node: one for each task would cost more than the task. At that time, and whenever the node's agent
comes, those that are over are read, a portion at a time. The agent removes them and says so, and only then
their rows forget them. So it matters neither who was away at the time nor what is killed meanwhile.

What no row speaks of any more, since a task was deleted or has gone to another node, the node is told to
remove at the time, and need not have heard it. So whenever it comes it says which directories it has, and is
told again.

Files of a job's preparation and release are kept until the job is over in any case, since its tasks may want
them. From then on a row in `due` for each says when they are to go, and is there until they are gone.
"""

from __future__ import annotations

from typing import Final

from batchite.link.messages import LAST_MOMENT, FilesKept, FilesRemoved
from batchite.resources.job_nodes import FILES_DUE, JobTask
from batchite.resources.rules import PreparationRules, ReleaseRules
from batchite.scheduling.changes.tasks import FilesForgotten
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions, ReadExpired, ReadJobFiles, ReadKept
from batchite.scheduling.effects import RemoveFiles, RemoveTaskFiles
from batchite.scheduling.state import Expired, ExpiredTask, JobFiles, JobState, NodeState, ShardState
from batchite.wire.ticks import MAX_TICKS, TICKS_PER_SECOND

DUE: Final = "task-retention"
PORTION: Final = 200
"""Tasks whose files a node removes at once."""
PATIENCE: Final = 600 * TICKS_PER_SECOND
"""After which a node that has said nothing of them is told again."""


def note(node: NodeState, until: int, decisions: Decisions) -> None:
    """Files of a task are kept there until then."""
    if until < MAX_TICKS and (node.files_due is None or until < node.files_due):
        _look_at(node, until, decisions)


def look(node: NodeState, decisions: Decisions) -> None:
    """See whether the node has files that it is to remove."""
    decisions.reads.append(ReadExpired(node.number, node.id))


def on_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """A node that cannot be reached is looked at when its agent comes."""
    decisions.changes.due_cleared.append(DueCleared(DUE, number))
    node = state.node(number)
    if node is not None:
        node.files_due = None
        if node.connected:
            look(node, decisions)


def on_expired_read(state: ShardState, node_id: str, found: Expired) -> None:
    """What a node is to remove, or when the next of its files are to go; see `proceed`."""
    state.expired[node_id] = found


def on_files_kept(node: NodeState, report: FilesKept, decisions: Decisions) -> None:
    """See which of these are nobody's."""
    decisions.reads.append(ReadKept(node.number, node.id, report.directories))


def on_kept_read(state: ShardState, node_id: str, left: tuple[tuple[str, str], ...]) -> None:
    """Job and task of directories that are nobody's; see `proceed`."""
    state.left[node_id] = (*state.left.get(node_id, ()), *left)


def proceed(state: ShardState, at: int, decisions: Decisions) -> None:
    """Have nodes remove what was read; call it in every batch, before tasks are placed: of one that runs anew
    the old files are removed first."""
    while state.left:
        node_id, left = state.left.popitem()
        decisions.effects += [RemoveTaskFiles(node_id, job_id, task_id) for job_id, task_id in left]
    while state.job_files:
        _remove_job_files(state, state.job_files.pop(), decisions)
    while state.expired:
        node_id, found = state.expired.popitem()
        node = state.nodes.get(node_id)
        if node is None or not node.connected:
            continue
        if found.tasks:
            decisions.effects.append(RemoveFiles(node_id, found.tasks))
            _look_at(node, at + PATIENCE, decisions)
        elif found.next is not None:
            note(node, found.next, decisions)


def on_files_removed(node: NodeState, report: FilesRemoved, decisions: Decisions) -> None:
    """The node has them no more; perhaps there are others."""
    for run in report.runs:
        if run.kind == "preparation" or run.kind == "release":
            decisions.changes.due_cleared.append(DueCleared(FILES_DUE[run.kind], run.number))
        else:
            decisions.changes.files_forgotten.append(FilesForgotten(run.number, run.attempt, node.number))
    look(node, decisions)


def of_job(job: JobState, at: int) -> tuple[int | None, int | None]:
    """For how long files of its preparation and its release are kept after these have run; None: for ever."""
    return _kept(job.rules.preparation, at), _kept(job.rules.release, at)


def _kept(rules: PreparationRules | ReleaseRules | None, at: int) -> int | None:
    return None if rules is None or rules.retention > LAST_MOMENT - at else rules.retention


def on_job_files_due(task: JobTask, number: int, at: int, decisions: Decisions) -> None:
    """Files of a job's preparation or release are to go; where they are is read. A node that cannot be
    reached, or says nothing of them, is told later."""
    decisions.changes.due_set.append(DueSet(FILES_DUE[task], number, at + PATIENCE))
    decisions.reads.append(ReadJobFiles(task, number))


def on_job_files_read(state: ShardState, left: JobFiles) -> None:
    """See `proceed`."""
    state.job_files.append(left)


def _remove_job_files(state: ShardState, left: JobFiles, decisions: Decisions) -> None:
    node = state.nodes.get(left.node)
    if node is None:
        decisions.changes.due_cleared.append(DueCleared(FILES_DUE[left.task], left.number))
    elif node.connected:
        files = ExpiredTask(left.number, 0, left.job_id, left.id, left.task)
        decisions.effects.append(RemoveFiles(node.id, (files,)))


def forget(node: NodeState, decisions: Decisions) -> None:
    """The node leaves its pool, and its files with it. What no owner has heard of, since its agent never came
    again, is forgotten when it is due."""
    if node.files_due is not None:
        node.files_due = None
        decisions.changes.due_cleared.append(DueCleared(DUE, node.number))


def _look_at(node: NodeState, at: int, decisions: Decisions) -> None:
    node.files_due = at
    decisions.changes.due_set.append(DueSet(DUE, node.number, at))
