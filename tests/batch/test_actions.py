"""What can be done with resources, as a program does it that is no client of the API."""

import pytest
from tests.batch.service import RecordingOwner, acting

from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions as jobs
from batchite.batch.pools import actions as pools
from batchite.batch.tasks import actions as tasks
from batchite.resources.states import JOB
from batchite.store.batch.pages import Wanted
from batchite.store.database import Database
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.validation.jobs import accept as accept_job
from batchite.wire.batch.validation.pools import accept as accept_pool

ALWAYS = Conditions()
NEVER = Conditions(match=(1,))


@pytest.fixture
def owner() -> RecordingOwner:
    return RecordingOwner()


@pytest.fixture
def doer(database: Database, owner: RecordingOwner) -> Acting:
    return acting(database, owner)


async def add_pool(doer: Acting) -> None:
    body = (
        b'{"id":"Pool","vmSize":"Standard_D2s_v3","virtualMachineConfiguration":{"imageReference":'
        b'{"publisher":"canonical","offer":"0001-com-ubuntu-server-jammy","sku":"22_04-lts"},'
        b'"nodeAgentSKUId":"batch.node.ubuntu 22.04"}}'
    )
    await pools.add(doer, accept_pool(codec.decode(body, BatchPoolCreateOptions)))


async def add_job(doer: Acting) -> None:
    body = b'{"id":"Job","poolInfo":{"poolId":"Pool"}}'
    await jobs.add(doer, accept_job(codec.decode(body, BatchJobCreateOptions)))


def task(name: str) -> BatchTaskCreateOptions:
    return BatchTaskCreateOptions(id=name, command_line="true")


async def test_every_change_wakes_the_owner_of_its_shard(doer: Acting, owner: RecordingOwner) -> None:
    await add_pool(doer)
    await add_job(doer)
    await tasks.add(doer, "job", task("t"))
    await jobs.update(doer, "job", lambda job: job, ALWAYS)
    await tasks.terminate(doer, "job", "T", ALWAYS)
    await jobs.terminate(doer, "job", "enough", ALWAYS)
    await jobs.delete(doer, "job", ALWAYS)
    await pools.delete(doer, "pool", ALWAYS)
    shard = f"{doer.account}/pool"
    assert owner.woken == [shard] * 8
    assert [awaited for awaited, _ in owner.awaited] == [shard]


async def test_what_is_changed_is_told_by_its_true_name(doer: Acting) -> None:
    await add_job(doer)
    job = await tasks.add(doer, "JOB", task("Task"))
    before, _ = await tasks.find(doer, "job", "task")
    changed, same = await tasks.terminate(doer, "job", "TASK", ALWAYS)
    assert (job.id, same.id, changed.id, changed.modified) == ("Job", "Job", "Task", before.modified)
    ended = await jobs.terminate(doer, "JOB", "enough", ALWAYS)
    assert (ended.id, ended.modified) == ("Job", doer.now + 1)


async def test_no_two_changes_have_one_etag(doer: Acting) -> None:
    """Even those that were made at the same moment, by services that know nothing of each other."""
    await add_pool(doer)
    await add_job(doer)
    made = [await jobs.update(doer, "job", lambda job: job, ALWAYS) for _ in range(2)]
    assert (await jobs.find(doer, "job")).modified == made[-1].modified
    made.append(await jobs.terminate(doer, "job", "enough", ALWAYS))
    made.append(await jobs.delete(doer, "job", ALWAYS))
    assert [one.modified - doer.now for one in made] == [1, 2, 3, 4]
    deleted = await pools.delete(doer, "pool", ALWAYS)
    assert (await pools.find(doer, "pool")).modified == deleted.modified == doer.now + 1


async def test_of_tasks_with_one_id_the_first_is_stored(doer: Acting) -> None:
    await add_job(doer)
    await tasks.add(doer, "job", task("old"))
    named = [task("a"), task("A"), task("old"), task(""), task("b")]
    _, outcomes = await tasks.add_all(doer, "job", named)
    assert [error and error.code for error in outcomes] == [
        None, "TaskExists", "TaskExists", "InvalidPropertyValue", None,
    ]  # fmt: skip
    part, _ = await tasks.page(doer, "job", Wanted(2))
    assert ([row.id for row in part.rows], part.more) == (["old", "a"], True)


async def test_a_change_that_may_not_be_made_says_why(doer: Acting, owner: RecordingOwner) -> None:
    for refused, code in (
        (jobs.terminate(doer, "job", "", ALWAYS), "JobNotFound"),
        (tasks.delete(doer, "job", "t", ALWAYS), "JobNotFound"),
        (pools.delete(doer, "pool", ALWAYS), "PoolNotFound"),
    ):
        with pytest.raises(BatchError, match=code):
            await refused
    await add_pool(doer)
    await add_job(doer)
    await tasks.add(doer, "job", task("t"))
    woken = len(owner.woken)
    for refused, code in (
        (add_pool(doer), "PoolExists"),
        (add_job(doer), "JobExists"),
        (tasks.add(doer, "job", task("t")), "TaskExists"),
        (tasks.terminate(doer, "job", "u", ALWAYS), "TaskNotFound"),
        (jobs.update(doer, "job", lambda job: job, NEVER), "ConditionNotMet"),
        (jobs.terminate(doer, "job", "", NEVER), "ConditionNotMet"),
        (jobs.delete(doer, "job", NEVER), "ConditionNotMet"),
        (tasks.terminate(doer, "job", "t", NEVER), "ConditionNotMet"),
        (pools.delete(doer, "pool", NEVER), "ConditionNotMet"),
    ):
        with pytest.raises(BatchError, match=code):
            await refused
    assert len(owner.woken) <= woken + 1  # of the task that is there already: none was stored
    await jobs.delete(doer, "job", ALWAYS)
    await pools.delete(doer, "pool", ALWAYS)
    for refused, code in (
        (add_pool(doer), "PoolBeingDeleted"),
        (add_job(doer), "JobBeingDeleted"),
        (tasks.add(doer, "job", task("v")), "JobBeingDeleted"),
        (jobs.update(doer, "job", lambda job: job, ALWAYS), "JobBeingDeleted"),
        (jobs.terminate(doer, "job", "", ALWAYS), "JobBeingDeleted"),
        (jobs.delete(doer, "job", ALWAYS), "JobBeingDeleted"),
        (pools.delete(doer, "pool", ALWAYS), "PoolBeingDeleted"),
    ):
        with pytest.raises(BatchError, match=code):
            await refused


def test_every_state_in_which_a_job_refuses_something_has_its_reason() -> None:
    refusing = {
        name
        for name, state in JOB.items()
        if not (state.takes_tasks and state.is_endable and state.is_deletable)
    }
    assert set(jobs.REFUSALS.by_state) == refusing
