"""What is said of each reason: a sentence, and what to do next. One entry for each kind, and no other.

`words` says how facts get into a text. What is said of nodes begins with `{these}`: "The node is", or so
many "nodes are".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from batchite.batch.explaining.words import filled, form
from batchite.scheduling import reasons
from batchite.scheduling.explaining import Finding
from batchite.scheduling.reasons import Reason


class Entry(NamedTuple):
    sentence: str
    next_step: str


GROUPS: Final[Mapping[str, Mapping[type[Reason], Entry]]] = {
    "A pool": {
        reasons.PoolMissing: Entry(
            "There is no pool of the id that the job names.",
            "Add a pool of that id, and the tasks start there. Or terminate the job.",
        ),
        reasons.PoolDeleting: Entry(
            "The pool is being deleted; it has {nodes:node} left.",
            "Wait until it is gone. The tasks of its jobs wait for another pool of its id.",
        ),
        reasons.PoolEmpty: Entry(
            "The pool has no nodes and is to have none.",
            "Delete the pool, and add it anew with nodes: a pool keeps the size that it was added with.",
        ),
        reasons.PoolResizing: Entry(
            "The pool is coming to its size: {nodes} of {target:node}, in the time until {until}.",
            "Wait; if it does not get them all, its resizeErrors say why.",
        ),
        reasons.PoolComplete: Entry(
            "The pool has the {nodes:node} that it is to have.",
            "There is nothing to do. If it is to have more, delete it and add it anew, or add another pool.",
        ),
        reasons.ResizeEnded: Entry(
            "The pool ended its resize with {nodes} of {target:node}{error: (%s)}, at {at}.",
            "See to the cause, then delete the pool and add it anew: it does not try again by itself.",
        ),
        reasons.CoreQuotaReached: Entry(
            "The account's core quota of {quota} leaves no room for {missing:node} with {cores_each:core} "
            "each: {used} of it are taken.",
            "Delete other pools, or raise the account's core quota; then delete the pool and add it anew, "
            "or add it with fewer nodes.",
        ),
        reasons.MaxNodesReached: Entry(
            "The service runs {most:node} at most (its setting max_nodes), and has {used}: there is no room "
            "for {missing:node}.",
            "Delete other pools, or raise max_nodes if the machine has the memory; then delete the pool and "
            "add it anew, or add it with fewer nodes.",
        ),
        reasons.ReplacementPause: Entry(
            "Nodes were lost before their agents had spoken; others take their place at {until}.",
            "Wait. If it happens again, the log of the service says why nodes are lost.",
        ),
    },
    "A job": {
        reasons.JobDisabled: Entry(
            "The job is disabled, so no task of it starts.",
            "Enable the job.",
        ),
        reasons.JobEnding: Entry(
            "The job ends (it is {state}): it starts nothing, and ends what it has on nodes.",
            "Wait until that is done. What still waits is not run any more; add it to another job.",
        ),
        reasons.JobCompleted: Entry(
            "The job is completed{why: (%s)}. What waits in it is not run any more.",
            "Add tasks that are still to be run to another job.",
        ),
        reasons.ParallelTasksReached: Entry(
            "The job may have {most:task} on nodes at a time (its maxParallelTasks), and has them.",
            "Wait for one to end, or raise the job's maxParallelTasks.",
        ),
        reasons.JobEmpty: Entry(
            "The job has no task that waits or runs.",
            "Add tasks, or terminate the job if it is done: it stays active otherwise.",
        ),
        reasons.NothingWaits: Entry(
            "No task of the job waits: all that are not over are on nodes, {on_nodes:task}.",
            "There is nothing to do.",
        ),
        reasons.RetriesPause: Entry(
            "Retries pause: {tasks:task} of the job, the first until {until}.",
            "Look at what they print; they fail again and again.",
        ),
    },
    "A node": {
        reasons.NodeCreating: Entry(
            "{these} still to be started.",
            "Wait: a few nodes are started at a time, pools in turns.",
        ),
        reasons.NodeStartFails: Entry(
            "{these} not started yet. {error}",
            "Give the machine what it is short of; it is tried again by itself.",
        ),
        reasons.NodeStarting: Entry(
            "{these} starting: the agent has not spoken yet.",
            "Wait; one that does not speak for two minutes is replaced.",
        ),
        reasons.NodeWaitsForStartTask: Entry(
            "{these} busy with the start task, which tasks wait for{exit_code:; it failed with exit code %s "
            "and is run again}.",
            "Wait, or look at startup/stdout.txt and startup/stderr.txt of the node.",
        ),
        reasons.NodeStartTaskFailed: Entry(
            "{these} unusable: the start task failed{exit_code: with exit code %s}{error:. %s}",
            "Look at startup/stderr.txt of the node, mend the start task and add the pool anew. If tasks "
            "need not wait for it, set waitForSuccess to false.",
        ),
        reasons.NodeLeaving: Entry(
            "{these} leaving the pool.",
            "Wait until what runs there has ended.",
        ),
        reasons.NodeGivenUp: Entry(
            "{these} being killed: the agent has said nothing for too long.",
            "Wait: what was there runs again, and the pool gets another node.",
        ),
        reasons.NodeOutOfContact: Entry(
            "{these} out of contact: the agent has no link to the service at present.",
            "Wait: the agent comes back, or the node is killed and replaced after 40 seconds of silence.",
        ),
        reasons.NodeFull: Entry(
            "No slot of the node is free: it has {slots}, and {tasks:task}.",
            "There is nothing to do. More tasks run at a time with more nodes, or more taskSlotsPerNode.",
        ),
        reasons.NodeReady: Entry(
            "The node has {free:slot} free for the next task.",
            "If tasks wait nevertheless, ask why one of them does not run.",
        ),
    },
    "A task": {
        reasons.NodeTooSmall: Entry(
            "The task takes {wanted:slot} and a node of the pool has {slots}: it can never run there.",
            "Add it with requiredSlots of at most {slots}, or use a pool with more taskSlotsPerNode.",
        ),
        reasons.SlotsTaken: Entry(
            "No node that takes tasks has {wanted:slot} free; the most that one has is {free}.",
            "Wait for tasks to end, or give the pool more nodes.",
        ),
        reasons.JobsAhead: Entry(
            "Before it comes what waits in {jobs:job} that the pool serves first: {tasks:task}.",
            "Wait, or give the job a higher priority.",
        ),
        reasons.TasksAhead: Entry(
            "Before it comes what was added to its job earlier and waits: {tasks:task}.",
            "Wait for its turn.",
        ),
        reasons.ManyTasksAhead: Entry(
            "Before it comes what was added to its job earlier and waits: more than {tasks:task}.",
            "Wait for its turn.",
        ),
        reasons.RetryPause: Entry(
            "The task failed and pauses until {until}; its next run is retry {retries}.",
            "Look at what it printed; it fails again and again.",
        ),
        reasons.TaskNext: Entry(
            "Nothing keeps the task: it is about to be given to a node.",
            "Ask again in a moment.",
        ),
        reasons.TaskEnding: Entry(
            "Somebody has ended the task, and it is about to be completed.",
            "Ask again in a moment.",
        ),
        reasons.TaskAssigned: Entry(
            "The task is on node {node}, which starts it as soon as it has a slot for it.",
            "Ask again in a moment.",
        ),
        reasons.TaskFetchesFiles: Entry(
            "Node {node} has been fetching the task's resource files since {since}; its command runs once "
            "they are there.",
            "Wait. If it takes minutes, batchite node log says which file is waited for.",
        ),
        reasons.TaskRunning: Entry(
            "The task has been running on node {node} since {since}.",
            "Look at what it prints: batchite task logs.",
        ),
        reasons.TaskCompleted: Entry(
            "The task is over: {result}{exit_code:, exit code %s}{error:. %s}",
            "Look at what it printed: batchite task logs.",
        ),
    },
}
"""By what the reasons are of."""

CATALOGUE: Final = {kind: entry for group in GROUPS.values() for kind, entry in group.items()}


def sentence(finding: Finding) -> str:
    """What is said of a reason here."""
    reason = finding.reason
    text = filled(CATALOGUE[type(reason)].sentence, {**reason.facts, "these": _these(finding.nodes)})
    return text if text.endswith(".") else f"{text}."


def next_step(finding: Finding) -> str:
    return filled(CATALOGUE[type(finding.reason)].next_step, finding.reason.facts)


def _these(nodes: int) -> str:
    if nodes == 0:
        return "The node is"
    return "1 node is" if nodes == 1 else f"{nodes} nodes are"


HEAD: Final = "| code | what is said | what to do next |\n| --- | --- | --- |\n"


def page() -> str:
    """All reasons with their words, for the documentation."""
    return "\n".join(f"## {group}\n\n{HEAD}{''.join(map(_row, kinds))}" for group, kinds in GROUPS.items())


def _row(kind: type[Reason]) -> str:
    entry = CATALOGUE[kind]
    said = form(entry.sentence.replace("{these}", _these(0)))
    return f"| `{kind.__name__}` | {said} | {form(entry.next_step)} |\n"
