"""What follows a commit: messages to agents, and requests to the engine."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from batchite.dispatch.auto_storage import AutoStorage
from batchite.dispatch.background import Background
from batchite.dispatch.held import Target
from batchite.dispatch.inputs import JobPurged
from batchite.dispatch.links import Links
from batchite.dispatch.nodes import Nodes
from batchite.dispatch.task_tokens import TaskTokens
from batchite.link import messages as link
from batchite.scheduling.effects import (
    Effect,
    EndRun,
    HaltNode,
    KillNode,
    LimitTask,
    MeasureNode,
    PurgeJob,
    RecallTask,
    RemoveFiles,
    RemoveTaskFiles,
    RunAtOnce,
    RunTask,
    SetLogins,
    StartNode,
    StopNode,
    TellFailing,
    WakeOwner,
)
from batchite.scheduling.tasks import is_retried
from batchite.store.batch import execution
from batchite.store.database import Database

NOBODY = 0
"""Who asks, if the answer is for the reactor: `dispatch.questions` counts from 1."""
PURGE_ROWS = 5000
"""Tasks removed in one transaction when a job is deleted."""

FAILING = (
    "nodes of pool %s end before they can take tasks, %d times in a row by now: %s. They are tried again at "
    "growing pauses; their errors say when"
)

log = logging.getLogger(__name__)


class Effects:
    """Carries out effects for all shards of this process. `wake` wakes the owner of a shard."""

    def __init__(
        self,
        database: Database,
        links: Links,
        nodes: Nodes,
        auto_storage: AutoStorage,
        task_tokens: TaskTokens,
        wake: Callable[[str], None],
    ) -> None:
        self._database = database
        self._links = links
        self._nodes = nodes
        self._auto_storage = auto_storage
        self._task_tokens = task_tokens
        self._wake = wake
        self._purging: set[int] = set()
        self._background = Background()

    async def close(self) -> None:
        await self._background.close()

    async def drop_links(self, node_ids: list[str]) -> None:
        """Make agents connect anew, and so repeat what was not acknowledged."""
        for node_id in node_ids:
            await self._links.drop(node_id)

    def send(self, node_id: str, message: link.Message) -> None:
        self._links.send(node_id, message)

    def carry_out(self, shard: Target, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case RunTask():
                    self._run_task(shard, effect)
                case RunAtOnce():
                    self._run_at_once(shard, effect)
                case EndRun(node, number, attempt, failure, notice, kind):
                    self.send(node, link.EndRun(number, attempt, failure, notice, kind))
                case LimitTask(node, task, attempt, ticks):
                    self.send(node, link.LimitRun(task, attempt, ticks))
                case RecallTask(node, task, attempt):
                    self.send(node, link.RecallRun(task, attempt))
                case RemoveFiles(node, tasks):
                    self.send(node, link.RemoveFiles(tuple(link.FilesOf(*one) for one in tasks)))
                case RemoveTaskFiles(node, job_id, task_id):
                    self.send(node, link.RemoveTaskFiles(job_id, task_id))
                case SetLogins(node, logins):
                    self.send(node, link.SetLogins(logins))
                case StartNode(node):
                    self._nodes.start(node)
                case StopNode(node):
                    self._nodes.stop(node)
                case HaltNode(node, wipe):
                    self._nodes.halt(node, wipe=wipe)
                case KillNode(node, reason):
                    self._nodes.kill(node, reason)
                case MeasureNode(node):
                    self.send(node, link.MeasureUse(NOBODY))
                case TellFailing(pool, failures, reason):
                    log.warning(FAILING, pool, failures, reason)
                case WakeOwner(name):
                    self._wake(name)
                case PurgeJob(job, at):
                    self._purge(shard, job, at)

    def _run_task(self, shard: Target, effect: RunTask) -> None:
        job = shard.state.jobs.get(effect.job)
        if job is None:
            return
        task = effect.task
        definition = task.definition
        if job.rules.common_environment:
            definition = with_common_environment(definition, job.rules.common_environment)
        definition = self._auto_storage.filled(shard.account, definition)
        definition = self._task_tokens.filled(shard.account, job.number, definition)
        message = link.Run(
            task.number,
            effect.attempt,
            job.id,
            task.id,
            task.slots,
            definition,
            task.retries,
            task.requeues,
            preparation=job.rules.preparation.id if job.rules.preparation is not None else "",
            is_retried=is_retried(job, task, exit_code=1),
        )
        self.send(effect.node, message)

    def _run_at_once(self, shard: Target, effect: RunAtOnce) -> None:
        message = link.Run(
            effect.number,
            effect.attempt,
            effect.job_id,
            effect.task_id,
            0,
            self._auto_storage.filled(shard.account, effect.definition),
            effect.retries,
            kind=effect.kind,
            preparation=effect.preparation,
        )
        self.send(effect.node, message)

    def _purge(self, shard: Target, number: int, at: int) -> None:
        if number in self._purging:
            return
        self._purging.add(number)
        self._background.start(self._purge_all(shard, number, shard.state.jobs[number].id, at))

    async def _purge_all(self, shard: Target, number: int, job_id: str, at: int) -> None:
        """Nodes are told at once, and again when nothing is left: what one that came meanwhile said that it
        has may have been somebody's then."""
        try:
            self._remove_files(shard, job_id)
            while not await self._database.write(lambda c: execution.purge_job(c, number, at, PURGE_ROWS)):
                pass
            self._remove_files(shard, job_id)
            shard.put(JobPurged(number))
        except Exception:
            log.exception("job %d could not be removed; it will be tried again at the next start", number)
        finally:
            self._purging.discard(number)

    def _remove_files(self, shard: Target, job_id: str) -> None:
        for node_id in shard.state.nodes:
            self.send(node_id, link.RemoveJobFiles(job_id))


def with_common_environment(definition: bytes, common: bytes) -> bytes:
    """The task's JSON with the job's settings added; a task's own setting of the same name wins."""
    task = msgspec.json.decode(definition)
    own = task.get("environmentSettings") or []
    names = {setting["name"] for setting in own}
    shared = [setting for setting in msgspec.json.decode(common) if setting["name"] not in names]
    return msgspec.json.encode(task | {"environmentSettings": shared + own})
