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


_WAIT_FOR_RELEASE: Final = (
    "Wait, or look at what it prints (batchite job nodes says where). A release task that goes on and on is "
    "ended at its maxWallClockTime."
)

GROUPS: Final[Mapping[str, Mapping[type[Reason], Entry]]] = {
    "A pool": {
        reasons.PoolMissing: Entry(
            "The pool{pool: %s} that the job names does not exist.",
            "Add a pool of that id, and the tasks start there. Or disable the job and give it "
            "another pool, or terminate it.",
        ),
        reasons.PoolDeleting: Entry(
            "The pool is being deleted; it has {nodes:node} left.",
            "Wait until it is gone. The tasks of its jobs wait for another pool of its id.",
        ),
        reasons.PoolEmpty: Entry(
            "The pool has no nodes and is to have none.",
            "Resize it: batchite pool resize.",
        ),
        reasons.PoolResizing: Entry(
            "The pool is being resized: it has {nodes} of {target:node}{leaving:, and %s still to "
            "leave}. The time for that ends at {until}.",
            "Wait. If it does not come to that size in time, its resizeErrors say why (batchite "
            "pool show). What keeps a node that is to leave, batchite node explain says.",
        ),
        reasons.PoolComplete: Entry(
            "The pool has the {nodes:node} that it is to have.",
            "There is nothing to do. If it is to have more, resize it: batchite pool resize.",
        ),
        reasons.PoolScaled: Entry(
            "The pool's size goes by its autoscale formula, which is evaluated next at {until}.",
            "Wait for that, or see what the formula goes by: batchite autoscale log.",
        ),
        reasons.FormulaFailed: Entry(
            "The pool's autoscale formula failed when it was last evaluated, so the pool keeps its "
            "size: {error}. It is evaluated again at {until}.",
            "See what the formula found (batchite autoscale log), try another (batchite autoscale "
            "try), and give it to the pool (batchite autoscale enable).",
        ),
        reasons.ResizeEnded: Entry(
            "The pool's resize ended at {at} with {nodes:node}, of {target} that were asked "
            "for{error: (%s)}.",
            "See to the cause (resizeErrors in batchite pool show), then resize the pool again: it "
            "does not try again by itself.",
        ),
        reasons.CoreQuotaReached: Entry(
            "The account may have {quota:core} (its core_quota) and uses {used}, which leaves no "
            "room for {missing:node} with {cores_each:core} each.",
            "Have other pools give nodes up, or raise core_quota in the config file; then resize "
            "the pool again. Or resize it to fewer nodes.",
        ),
        reasons.MaxNodesReached: Entry(
            "The service runs {most:node} at most (its setting max_nodes), and has {used}: there is no room "
            "for {missing:node}.",
            "Have other pools give nodes up, or raise max_nodes if the machine has the memory; then resize "
            "the pool again. Or resize it to fewer nodes.",
        ),
        reasons.PortsTaken: Entry(
            "The frontend ports of an inbound NAT pool are taken by nodes of this pool and of others: there "
            "are none for {missing:node}.",
            "Delete other pools with the same ports; then delete the pool and add it anew, or add it with "
            "fewer nodes or another range.",
        ),
        reasons.RoomPause: Entry(
            "There was no room for the nodes that are missing; the pool asks for them again at {until}.",
            "Wait, or make room: have other pools give nodes up, or raise the limit.",
        ),
        reasons.BootsPause: Entry(
            "Ended before they took tasks: {failing:node} of the pool. The first is made anew at "
            "{until}, and the pauses grow.",
            "See what their errors and their agents say (batchite node log), and mend the image, "
            "the start task or the machine. A node that is rebooted is tried at once.",
        ),
    },
    "A job schedule": {
        reasons.ScheduleDisabled: Entry(
            "The job schedule is disabled, so it makes no job{due:; one is due at %s}.",
            "Enable it: batchite schedule enable.",
        ),
        reasons.ScheduleWaitsForJob: Entry(
            "A job has been due since {due}, and waits for {job}, which is still active: there is one at a "
            "time{until:. If it has not ended by %s, this run is skipped}.",
            "Wait for it to end, or end it: batchite job terminate. See also batchite job explain.",
        ),
        reasons.ScheduleJobActive: Entry(
            "The job {job} is active{due:, and the next one is due at %s}.",
            "There is nothing to do. If nothing ends the job once its tasks are done, no other follows: set "
            "onAllTasksComplete in the jobSpecification, or end jobs yourself.",
        ),
        reasons.ScheduleWaits: Entry("The next job is due at {due}.", "Wait for it."),
        reasons.ScheduleDue: Entry("A job is due, and is made at the next turn.", "There is nothing to do."),
        reasons.ScheduleMakesNoMore: Entry(
            "No job is made any more before {until}, after which the schedule makes none (its "
            "doNotRunAfter); then it is completed.",
            "Give the schedule a later doNotRunAfter, if there are to be more.",
        ),
        reasons.ScheduleEnding: Entry(
            "The job schedule ends (it is {state}), and makes no job.",
            "Wait until its jobs have ended. What keeps one, batchite job explain tells.",
        ),
        reasons.ScheduleCompleted: Entry(
            "The job schedule is completed; it has made {jobs:job}.",
            "Add another, under another id, if there are to be more.",
        ),
    },
    "A job": {
        reasons.AutoPoolMissing: Entry(
            "The pool that was made for the job is gone: somebody has deleted it.",
            "Terminate the job, and add another with what is still to be run.",
        ),
        reasons.JobUnscheduled: Entry(
            "The job is over: the pool that it was to bring with it could not be made. {error}",
            "When that is mended, delete the job and add it again.",
        ),
        reasons.JobDisabled: Entry(
            "The job is disabled, so no task of it starts.",
            "Enable it: batchite job enable.",
        ),
        reasons.JobDisabling: Entry(
            "The job is being disabled: no task of it starts, and it is disabled once those that "
            "it has on nodes have left these.",
            "Wait until it is disabled; then its tasks start again when it is enabled (batchite "
            "job enable). Tasks that it waits for can be ended: batchite task terminate.",
        ),
        reasons.JobEnabling: Entry(
            "The job has been enabled, and is about to be active.",
            "Ask again in a moment.",
        ),
        reasons.JobEnding: Entry(
            "The job ends (it is {state}): it starts nothing, and ends what it has on nodes.",
            "Wait until that is done. What still waits is not run any more; add it to another job.",
        ),
        reasons.JobReleases: Entry(
            "The job has ended but for its release task, which runs on its nodes or is to run there: "
            "{nodes:node}.",
            _WAIT_FOR_RELEASE,
        ),
        reasons.JobLeaves: Entry(
            "The job goes to another pool once its release task has run on the nodes that it leaves: "
            "{nodes:node}.",
            _WAIT_FOR_RELEASE,
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
            "All tasks of the job that are not over are on nodes: {on_nodes:task}.",
            "There is nothing to do. What one of them does, batchite task explain says.",
        ),
        reasons.TasksBlocked: Entry(
            "Waiting for what they depend on: {tasks:task} of the job{task:, such as %s}.",
            "Ask of one of them what it waits for: batchite task explain.",
        ),
        reasons.RetriesPause: Entry(
            "Failed, and pausing before a retry: {tasks:task} of the job, the first until {until}.",
            "See why they fail (batchite job failures), and what they print (batchite task logs). "
            "Those that are not to run again can be ended: batchite task terminate.",
        ),
    },
    "A node": {
        reasons.NodeCreating: Entry(
            "{these} still to be started.",
            "Wait: a few nodes are started at a time, pools in turns.",
        ),
        reasons.NodeStartFails: Entry(
            "{these} not started yet, since that failed. {error}",
            "Give the machine what it is short of; it is tried again by itself.",
        ),
        reasons.NodePreparing: Entry(
            "{these} starting: the agent fetches and unpacks the application packages of the pool.",
            "Wait. If it takes minutes, batchite node log says which package is waited for.",
        ),
        reasons.NodeStarting: Entry(
            "{these} starting: the agent has not spoken yet.",
            "Wait; one that does not speak for two minutes is killed, and tried again later.",
        ),
        reasons.NodeWaitsForStartTask: Entry(
            "{these} busy with the start task, which tasks wait for{exit_code:; it failed with "
            "exit code %s and is run again}.",
            "Wait, or see what it prints: batchite node explain.",
        ),
        reasons.NodeStartTaskFailed: Entry(
            "{these} unusable: the start task failed{exit_code: with exit code %s}{error:. %s}",
            "See what it printed last (batchite node explain), mend the start task of the pool "
            "(batchite pool update), and reboot the node. If tasks need not wait for it, set its "
            "waitForSuccess to false.",
        ),
        reasons.NodeRebooting: Entry(
            "{these} rebooting.",
            "Wait: it takes tasks again when its start task, if the pool has one, has run.",
        ),
        reasons.NodeReimaging: Entry(
            "{these} being made anew.",
            "Wait: it takes tasks again when its start task, if the pool has one, has run.",
        ),
        reasons.NodeDisabled: Entry(
            "{these} not to take tasks: scheduling is disabled.",
            "Enable its scheduling: batchite node enable.",
        ),
        reasons.NodeUnusable: Entry(
            "{these} unusable since the boot failed{error:: %s}.",
            "Mend what it says: an application package, the image, the start task or the machine (batchite "
            "node log says more). It is made anew by itself after pauses that grow up to ten minutes; reboot "
            "it to try at once.",
        ),
        reasons.NodeDeallocating: Entry(
            "{these} being deallocated.",
            "Wait; start it when it is deallocated, and it takes tasks again.",
        ),
        reasons.NodeDeallocated: Entry(
            "{these} deallocated: nothing runs there.",
            "Start it, and it takes tasks again: batchite node start.",
        ),
        reasons.NodePreempting: Entry(
            "{these} being preempted: what runs there has been asked to end.",
            "Wait: what does not come to its end there runs again elsewhere, or when the node is back.",
        ),
        reasons.NodePreempted: Entry(
            "{these} preempted: as a low-priority node it was taken away.",
            "Wait: it is made anew under its id after a while (fidelity.preemption_absence). What may not be "
            "interrupted belongs on dedicated nodes.",
        ),
        reasons.NodeLeaving: Entry(
            "{these} leaving the pool.",
            "Wait until what runs there has ended.",
        ),
        reasons.NodeVacating: Entry(
            "{these} taking no more tasks: the operation {purpose} ({option}) waits for those that "
            "it has{tasks: (%s)}{until:, and for files that are kept until %s}.",
            "Wait. Or end tasks (batchite task terminate), and delete those whose files nobody "
            "wants: these are not waited for.",
        ),
        reasons.NodeGivenUp: Entry(
            "{these} being killed: the agent has said nothing for too long.",
            "Wait: what was there runs again, and the pool gets another node.",
        ),
        reasons.NodeOutOfContact: Entry(
            "{these} out of contact: the agent has no link to the service at present.",
            "Wait: the agent comes back, or the node is killed and replaced after 40 seconds of silence.",
        ),
        reasons.NodePreparationFailed: Entry(
            "{these} barred for the job {job}, whose preparation task failed there{exit_code: with exit code "
            "%s}.",
            "Look at its stderr.txt on the node (batchite job nodes says where), mend the job's preparation "
            "task in a new job, or reimage the node to have it tried there again.",
        ),
        reasons.NodeLowPriority: Entry(
            "{these} of low priority, and the manager is for dedicated nodes (its allowLowPriorityNode is "
            "false).",
            "Give the pool a dedicated node.",
        ),
        reasons.NodeFull: Entry(
            "All slots of the node are taken: {tasks:task} on {slots:slot}.",
            "There is nothing to do. More tasks run at a time with more nodes, or more taskSlotsPerNode.",
        ),
        reasons.NodeReady: Entry(
            "The node has {free:slot} free for the next task.",
            "If tasks wait nevertheless, ask why one of them does not run: batchite task explain.",
        ),
    },
    "A task": {
        reasons.NodeTooSmall: Entry(
            "The task takes {wanted:slot} and a node of the pool has {slots}: it can never run there.",
            "Add it with requiredSlots of at most {slots}, or use a pool with more taskSlotsPerNode.",
        ),
        reasons.ManagerRunsAlone: Entry(
            "The task is the job's manager and runs on a node alone (its runExclusive is true), so "
            "it takes all {slots:slot} of one.",
            "Wait for a node on which nothing runs, or add such jobs with runExclusive false for "
            "their manager.",
        ),
        reasons.SlotsTaken: Entry(
            "No node that takes tasks has {wanted:slot} free; the most that one has is {free}.",
            "Wait for tasks to end, or give the pool more nodes.",
        ),
        reasons.SlotsKept: Entry(
            "{these} keeping the slots that become free for task {task} of job {job}, which takes "
            "{slots:slot} and has found no room since {since}.",
            "Wait until that task has started, which smaller ones would pass for ever. Tasks of jobs with a "
            "higher priority do not wait for it.",
        ),
        reasons.JobsAhead: Entry(
            "The pool serves {jobs:job} first, by priority or by age: {tasks:task} may start before this.",
            "Wait, or give the job a higher priority.",
        ),
        reasons.SharesAhead: Entry(
            "Jobs share the slots of the pool by their metadata {item}, and those with this job's "
            "value use {slots:slot}. Others use fewer, so what waits there comes first: "
            "{tasks:task} of {tags:value}.",
            "Wait, or give the pool more nodes. A job with a higher priority does not wait for them.",
        ),
        reasons.TasksAhead: Entry(
            "Before it comes what waits of its job and was added earlier, or goes first: {tasks:task}.",
            "Wait for its turn.",
        ),
        reasons.ManyTasksAhead: Entry(
            "Before it comes what waits of its job and was added earlier, or goes first: more than "
            "{tasks:task}.",
            "Wait for its turn.",
        ),
        reasons.DependencyMissing: Entry(
            "The task depends on task {task}{range:, one of the range %s}, and there is no such task.",
            "Add that task to the job. Or delete this one, and add it anew without that dependency.",
        ),
        reasons.DependencyUnfinished: Entry(
            "The task depends on task {task}{range:, one of the range %s}, which is {state}.",
            "Wait for that task; batchite task explain says of it, too, what it waits for.",
        ),
        reasons.DependencyFailed: Entry(
            "The task depends on task {task}{range:, one of the range %s}, which has failed"
            "{exit_code: with exit code %s} and so keeps it{error:. %s}",
            "Have the failed task run anew, and this one waits for its success: batchite task reactivate. Or "
            "end this one: nothing else does. What failures lead to, exitConditions say.",
        ),
        reasons.DependencyOnItself: Entry(
            "The task depends on itself{range:, as one of the range %s}: it never runs.",
            "Delete it, and add it anew without that dependency.",
        ),
        reasons.DependencyCircle: Entry(
            "The task depends on itself, by others: {tasks}. So none of them ever runs.",
            "Terminate one of them whose exitConditions let the others go on, or delete one, and add it anew "
            "without the dependency that closes the circle.",
        ),
        reasons.CommandNeedsShell: Entry(
            "The command line starts no shell, and so {words} means nothing to it: commands are run as they "
            "are, as in Azure.",
            "Add the task with its command in a shell: /bin/sh -c '...'.",
        ),
        reasons.TaskReleased: Entry(
            "All that the task depends on is satisfied: it is about to wait for a node.",
            "Ask again in a moment.",
        ),
        reasons.RetryPause: Entry(
            "The task failed and pauses until {until}; its next run is retry {retries}.",
            "See what it printed (batchite task logs), and mend that. If it is not to run again, "
            "end it: batchite task terminate.",
        ),
        reasons.TaskNext: Entry(
            "Nothing keeps the task: it is about to be given to a node.",
            "Ask again in a moment.",
        ),
        reasons.TaskEnding: Entry(
            "Somebody has ended or deleted the task, and that is about to be done.",
            "Ask again in a moment.",
        ),
        reasons.TaskAssigned: Entry(
            "The task is on node {node}, which starts it as soon as it has a slot for it.",
            "Ask again in a moment.",
        ),
        reasons.TaskPreparing: Entry(
            "The task is on node {node}, and has waited there since {since} for the preparation task of its "
            "job to succeed.",
            "Wait, or look at what that prints (batchite job nodes says where).",
        ),
        reasons.TaskFetchesFiles: Entry(
            "Node {node} has been fetching the task's files since {since}; its command runs once "
            "they are there.",
            "Wait. If it takes minutes, batchite node log says which file is waited for.",
        ),
        reasons.TaskRunning: Entry(
            "The task has been running on node {node} since {since}.",
            "Look at what it prints: batchite task logs.",
        ),
        reasons.TaskUploadsFiles: Entry(
            "The task has been running on node {node} since {since}; its command has ended, and its output "
            "files are being uploaded.",
            "Wait. If it takes minutes, look at its fileuploadout.txt.",
        ),
        reasons.TaskCompleted: Entry(
            "The task is over: {result}{exit_code:, exit code %s}{error:. %s}",
            "See what it printed: batchite task logs. If it failed, run it anew: batchite task reactivate.",
        ),
        reasons.TaskFilesGone: Entry(
            "The files of the task are kept no more: its retentionTime is over.",
            "Give tasks a longer retentionTime, or have what they make uploaded (outputFiles).",
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
