"""Many tasks, added and listed with filters, selections and pages; the whole flow once more by asyncio."""

import asyncio

from azure.batch import models
from tests.service.house import House, fresh, make_task, pool_options, refused, sh

ADDED = 1000


def ids(tasks: list[models.BatchTask]) -> set[str]:
    return {str(task.id) for task in tasks}


def test_a_thousand_tasks(house: House, pool: str, job: str) -> None:
    result = house.batch.create_tasks(job, [make_task("true", task_id=f"t{n}") for n in range(ADDED)])
    assert {each.status for each in result.result_values} == {"success"}
    tasks = house.wait_for_all(job)
    assert ids(tasks) == {f"t{n}" for n in range(ADDED)}
    assert {task.execution_info.result for task in tasks} == {"success"}
    counts = house.batch.get_job_task_counts(job).task_counts
    assert (counts.active, counts.running, counts.succeeded, counts.failed) == (0, 0, ADDED, 0)
    pages = [list(page) for page in house.batch.list_tasks(job, max_results=300).by_page()]
    assert [len(page) for page in pages] == [300, 300, 300, 100]
    assert len({task.id for page in pages for task in page}) == ADDED
    assert sum(node.total_tasks_run for node in house.nodes(pool)) >= ADDED


def test_filters_on_what_really_happened(house: House, job: str) -> None:
    succeeded = house.run(job, "true", task_id="a-succeeded")
    house.run(job, sh("exit 3"), task_id="a-three")
    house.run(job, sh("exit 7"), task_id="b-seven")
    house.run(job, "no-such-program", task_id="b-unknown")
    house.add_task(job, "true", task_id="c-waiting", required_slots=5)
    started = succeeded.execution_info.start_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    everything = {"a-succeeded", "a-three", "b-seven", "b-unknown", "c-waiting"}
    for wanted, found in {
        "state eq 'active'": {"c-waiting"},
        "state eq 'Completed'": everything - {"c-waiting"},
        "state ne 'completed'": {"c-waiting"},
        "executionInfo/exitCode eq 0": {"a-succeeded"},
        "executionInfo/exitCode gt 3": {"b-seven"},
        "executionInfo/exitCode ge 3 and executionInfo/exitCode le 7": {"a-three", "b-seven"},
        "executionInfo/result eq 'failure'": {"a-three", "b-seven", "b-unknown"},
        "startswith(id,'a-') and executionInfo/result eq 'failure'": {"a-three"},
        "startswith(id, 'b-') or (state eq 'active')": {"b-seven", "b-unknown", "c-waiting"},
        f"executionInfo/startTime ge DateTime'{started}'": everything - {"c-waiting"},
        f"executionInfo/endTime lt DateTime'{started}'": set(),
        "creationTime gt DateTime'2020-01-01T00:00:00Z'": everything,
    }.items():
        assert ids(list(house.batch.list_tasks(job, filter=wanted))) == found, wanted
    with refused(400, "InvalidQueryParameterValue"):
        list(house.batch.list_tasks(job, filter="commandLine eq 'true'"))
    house.batch.delete_task(job, "c-waiting")


def test_selections(house: House, job: str) -> None:
    house.run(job, "true", task_id="only")
    (task,) = house.batch.list_tasks(job, select=["id", "executionInfo"])
    assert (task.id, task.execution_info.exit_code) == ("only", 0)
    assert set(task.as_dict()) == {"id", "executionInfo"}
    chosen = house.batch.get_task(job, "only", select=["state"])
    assert set(chosen.as_dict()) - {"odata.metadata"} == {"state"}
    with refused(400, "InvalidQueryParameterValue"):
        list(house.batch.list_tasks(job, select=["Id"]))


def test_filtered_pages(house: House, job: str) -> None:
    commands = {f"t{number}": sh(f"exit {number % 2}") for number in range(20)}
    house.batch.create_tasks(job, [make_task(command, task_id=name) for name, command in commands.items()])
    house.wait_for_all(job)
    wanted = "executionInfo/exitCode eq 1"
    found = house.batch.list_tasks(job, filter=wanted, select=["id"], max_results=3)
    pages = [[task.id for task in page] for page in found.by_page()]
    assert max(len(page) for page in pages) == 3
    assert sorted(name for page in pages for name in page) == sorted(f"t{n}" for n in range(1, 20, 2))


def test_lists_of_jobs_pools_and_nodes(house: House, pool: str, job: str) -> None:
    other = house.add_job(fresh("no-such-pool"))
    assert {each.id for each in house.batch.list_jobs()} >= {job, other}
    on_pool = {each.id for each in house.batch.list_jobs(filter=f"executionInfo/poolId eq '{pool}'")}
    assert job in on_pool
    assert other not in on_pool
    steady = house.batch.list_pools(filter="state eq 'active' and allocationState eq 'steady'", select=["id"])
    assert pool in {each.id for each in steady}
    house.wait_for_nodes(pool, "idle", 2)
    assert len(list(house.batch.list_nodes(pool, filter="state eq 'idle'"))) == 2
    assert list(house.batch.list_nodes(pool, filter="state eq 'unusable'")) == []
    house.batch.begin_delete_job(other)


async def test_the_main_flow_with_the_asynchronous_client(house: House) -> None:
    pool_id, job_id = fresh("pool"), fresh("job")
    async with house.async_batch() as client:
        await client.create_pool(pool_options(pool_id, 1, 4))
        info = models.BatchPoolInfo(pool_id=pool_id)
        await client.create_job(
            models.BatchJobCreateOptions(id=job_id, pool_info=info, all_tasks_complete_mode="noaction")
        )
        tasks = [make_task(sh(f"echo number {n}"), task_id=f"t{n}") for n in range(150)]
        await client.create_tasks(job_id, tasks)
        await asyncio.to_thread(house.wait_for_all, job_id)
        found = [task async for task in client.list_tasks(job_id, filter="executionInfo/exitCode eq 0")]
        assert len(found) == len(tasks)
        chunks = await client.download_task_file(job_id, "t7", "stdout.txt")
        assert b"".join([chunk async for chunk in chunks]) == b"number 7\n"
        ranged = await client.download_task_file(job_id, "t7", "stdout.txt", ocp_range="bytes=0-5")
        assert b"".join([chunk async for chunk in ranged]) == b"number"
        names = {file.name async for file in client.list_task_files(job_id, "t7")}
        assert names == {"stdout.txt", "stderr.txt", "wd"}
        await (await client.begin_delete_job(job_id, polling_interval=0.05)).wait()
        await (await client.begin_delete_pool(pool_id, polling_interval=0.05)).wait()
        assert pool_id not in {pool.id async for pool in client.list_pools()}
