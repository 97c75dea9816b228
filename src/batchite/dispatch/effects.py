"""What follows a commit: messages to agents, and requests to the engine."""

from __future__ import annotations

import logging

import msgspec

from batchite.dispatch.background import Background
from batchite.dispatch.held import Target
from batchite.dispatch.inputs import JobPurged
from batchite.dispatch.links import Links
from batchite.dispatch.nodes import Nodes
from batchite.link import messages as link
from batchite.scheduling.effects import (
    Effect,
    EndTask,
    KillNode,
    PurgeJob,
    RecallTask,
    RemoveTaskFiles,
    RunStartTask,
    RunTask,
    StartNode,
    StopNode,
)
from batchite.store.batch import execution
from batchite.store.database import Database

PURGE_ROWS = 5000
"""Tasks removed in one transaction when a job is deleted."""

log = logging.getLogger(__name__)


class Effects:
    """Carries out effects for all shards of this process."""

    def __init__(self, database: Database, links: Links, nodes: Nodes) -> None:
        self._database = database
        self._links = links
        self._nodes = nodes
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
                case EndTask(node, task, attempt, failure):
                    self.send(node, link.EndTask(task, attempt, failure))
                case RecallTask(node, task, attempt):
                    self.send(node, link.RecallTask(task, attempt))
                case RunStartTask(node, attempt, definition):
                    self.send(node, link.RunStartTask(attempt, definition))
                case RemoveTaskFiles(node, job_id, task_id):
                    self.send(node, link.RemoveTaskFiles(job_id, task_id))
                case StartNode(node):
                    self._nodes.start(node)
                case StopNode(node):
                    self._nodes.stop(node)
                case KillNode(node, reason):
                    self._nodes.kill(node, reason)
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
        message = link.RunTask(
            task.number,
            effect.attempt,
            job.id,
            task.id,
            task.slots,
            definition,
            task.retries,
            task.requeues,
        )
        self.send(effect.node, message)

    def _purge(self, shard: Target, number: int, at: int) -> None:
        if number in self._purging:
            return
        self._purging.add(number)
        job = shard.state.jobs[number]
        for node_id in shard.state.nodes:
            self.send(node_id, link.RemoveJobFiles(job.id))
        self._background.start(self._purge_rows(shard, number, at))

    async def _purge_rows(self, shard: Target, number: int, at: int) -> None:
        try:
            while not await self._database.write(lambda c: execution.purge_job(c, number, at, PURGE_ROWS)):
                pass
            shard.put(JobPurged(number))
        except Exception:
            log.exception("job %d could not be removed; it will be tried again at the next start", number)
        finally:
            self._purging.discard(number)


def with_common_environment(definition: bytes, common: bytes) -> bytes:
    """The task's JSON with the job's settings added; a task's own setting of the same name wins."""
    task = msgspec.json.decode(definition)
    own = task.get("environmentSettings") or []
    names = {setting["name"] for setting in own}
    shared = [setting for setting in msgspec.json.decode(common) if setting["name"] not in names]
    return msgspec.json.encode(task | {"environmentSettings": shared + own})
