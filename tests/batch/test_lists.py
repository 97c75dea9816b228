"""Paging, $select and $filter, which all lists share."""

from urllib.parse import quote

import pytest
from azure.core.exceptions import HttpResponseError
from tests.batch.service import Api, serving

from batchite.batch import images
from batchite.store.batch import filtering, schema
from batchite.store.batch.walking import Effort
from batchite.store.database import Database
from batchite.web.hosts import Hosts


async def test_behind_a_proxy_every_url_is_public(database: Database) -> None:
    public = "https://batch.example.org"
    async with serving(database, hosts=Hosts(public=public)) as api:
        assert (await api.add_job("a")).headers["Location"] == f"{public}/jobs/a"
        await api.add_job("b")
        first = (await api.get("/jobs?maxresults=1")).json
        assert first["value"][0]["url"] == f"{public}/jobs/a"
        assert api.url not in str(first)
        rest = await api.raw("GET", first["odata.nextLink"].removeprefix(public))
        assert [job["id"] for job in rest.json["value"]] == ["b"]
        for answer in (await api.get("/jobs/a"), rest, await api.get("/jobs/none"), await api.get("/none")):
            assert answer.json["odata.metadata"].startswith(f"{public}/$metadata#")


async def names(api: Api, target: str) -> list[str]:
    answer = await api.get(target)
    assert answer.status == 200, answer.body
    return [item["id"] for item in answer.json["value"]]


async def test_pages_follow_each_other_without_gap(api: Api) -> None:
    for number in range(5):
        await api.add_pool(f"p{number}")
    async with api.async_client() as client:
        by_page = client.list_pools(max_results=2).by_page()
        pages = [[pool.id async for pool in page] async for page in by_page]
    assert pages == [["p0", "p1"], ["p2", "p3"], ["p4"]]


async def test_a_page_of_large_things_is_shorter(api: Api) -> None:
    """Nobody's list fills the memory of the service; what is left comes with the next pages."""
    await api.add_job()
    for number in range(20):
        await api.add_task(f"t{number}", commandLine="x" * 1_000_000)
    whole = await api.get("/jobs/job/tasks")
    assert len(whole.body) < 18_000_000
    async with api.async_client() as client:
        by_page = client.list_tasks("job", select=["id"]).by_page()
        pages = [[task.id async for task in page] async for page in by_page]
    assert [task for page in pages for task in page] == [f"t{number}" for number in range(20)]
    assert len(pages) == 2


async def test_pagers_follow_pages_that_are_empty(database: Database) -> None:
    """A page without time looks at two tasks."""
    async with serving(database, effort=Effort(few=0, slice=2, patience=0.0)) as api:
        await api.add_job()
        for number in range(9):
            await api.add_task(f"t{number}")
        text = "id eq 't5' or startswith(id,'t6') or id gt 't7'"
        async with api.async_client() as client:
            by_page = client.list_tasks("job", filter=text).by_page()
            pages = [[task.id async for task in page] async for page in by_page]
        assert pages == [[], [], ["t5"], ["t6"], ["t8"]]
        for name in ("k", "l", "m"):
            await api.add_job(name)
        first = (await api.get("/jobs?$filter=" + quote("id gt 'l'"))).json
        rest = await api.raw("GET", first["odata.nextLink"].removeprefix(api.url))
        assert (first["value"], [job["id"] for job in rest.json["value"]]) == ([], ["m"])


async def test_next_links_lead_to_the_host_that_was_asked(api: Api) -> None:
    for number in range(2):
        await api.add_job(f"j{number}")
    target = "/jobs?maxresults=1&$select=id&api-version=2025-06-01"
    sent = api.signed("GET", target, None, {}) | {
        "Host": "batch.localhost:8443",
        "X-Forwarded-Proto": "https",
    }
    first = await api.raw("GET", target, headers=sent, signed=False)
    link = first.json["odata.nextLink"]
    assert link.startswith("http://batch.localhost:8443/jobs?")
    assert first.json["odata.metadata"] == "http://batch.localhost:8443/$metadata#jobs"
    rest = await api.raw("GET", link.removeprefix("http://batch.localhost:8443"))
    assert rest.json["value"] == [{"id": "j1"}]
    assert "odata.nextLink" not in rest.json


async def test_a_token_of_another_list_is_refused(api: Api) -> None:
    for number in range(2):
        await api.add_pool(f"p{number}")
    link = (await api.get("/pools?maxresults=1")).json["odata.nextLink"]
    token = link.partition("skiptoken=")[2]
    assert (await api.get(f"/jobs?$skiptoken={token}")).error == (400, "InvalidQueryParameterValue")
    assert (await api.get(f"/pools?$skiptoken={token}x")).error == (400, "InvalidQueryParameterValue")


async def test_ids_are_compared_by_code_points(api: Api) -> None:
    """Not as people sort, who pass over punctuation."""
    for name in ("ab", "a_b", "a-b", "a"):
        await api.add_job(name, name)
    for prefix, expected in (("a_", ["a_b"]), ("a-", ["a-b"]), ("A", ["ab", "a_b", "a-b", "a"])):
        for what in ("id", "executionInfo/poolId"):
            text = quote(f"startswith({what},'{prefix}')")
            assert await names(api, f"/jobs?$filter={text}") == expected
    text = quote("id gt 'a-' and id lt 'a_b'")
    assert await names(api, f"/jobs?$filter={text}") == ["a-b"]


async def test_select_leaves_out_the_rest(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    tasks = (await api.get("/jobs/job/tasks?$select=id,state")).json["value"]
    assert tasks == [{"id": "t", "state": "active"}]
    one = (await api.get("/jobs/job?$select=state&$expand=stats")).json
    assert one == {"odata.metadata": f"{api.url}/$metadata#jobs/@Element", "state": "active"}
    wrong = await api.get("/jobs/job?$select=State")
    assert wrong.error == (400, "InvalidQueryParameterValue")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id eq 'B'", ["b"]),
        ("id ne 'a'", ["b", "c_c", "cxc"]),
        ("startswith(id,'C_')", ["c_c"]),
        ("id gt 'a' and id lt 'c_c'", ["b"]),
        ("state eq 'Completed'", ["b", "c_c"]),
        ("state eq 'completed' and executionInfo/exitCode ne 0", ["c_c"]),
        ("executionInfo/exitCode ge 0", ["b", "c_c"]),
        ("executionInfo/exitCode lt 9223372036854775807999", None),
        ("executionInfo/exitCode lt 999999999999999999", ["b", "c_c"]),
        ("executionInfo/result eq 'failure' or id eq 'a'", ["a", "c_c"]),
        ("(id eq 'a' or id eq 'b') and (state eq 'active')", ["a"]),
        ("executionInfo/endTime le DateTime'2001-09-09T01:46:40Z'", ["b"]),
        ("creationTime lt DateTime'2001-09-09T01:46:40Z'", []),
        ("id eq ''' or 1=1 --'", []),
        ("commandLine eq 'a'", None),
        ("executionInfo/result gt 'a'", None),
        ("state eq 'sleeping'", None),
        ("id eq", None),
    ],
)
async def test_tasks_are_filtered(api: Api, text: str, expected: list[str] | None) -> None:
    await api.add_job()
    for name in ("a", "b", "c_c", "cxc"):
        await api.add_task(name)
    await api.database.write(
        lambda connection: connection.execute(
            schema.tasks.update()
            .where(schema.tasks.c.key == "b")
            .values(state="completed", state_time=10**16, exit_code=0, ended=10**16, result="success")
        )
    )
    await api.database.write(
        lambda connection: connection.execute(
            schema.tasks.update()
            .where(schema.tasks.c.key == "c_c")
            .values(
                state="completed",
                state_time=10**16 + 1,
                exit_code=1,
                ended=10**16 + 1,
                result="failure",
            )
        )
    )
    target = f"/jobs/job/tasks?$filter={quote(text)}"
    if expected is None:
        assert (await api.get(target)).error == (400, "InvalidQueryParameterValue")
    else:
        assert await names(api, target) == expected


async def test_every_property_of_the_tables_can_be_filtered(api: Api) -> None:
    await api.add_pool()
    await api.add_job()
    literals = {"text": "'x'", "time": "DateTime'2026-01-01T00:00:00Z'", "number": "1", "truth": "true"}
    lists = {
        "/pools": filtering.POOLS,
        "/jobs": filtering.JOBS,
        "/jobs/job/tasks": filtering.TASKS,
        "/pools/pool/nodes": filtering.NODES,
        "/supportedimages": images.IMAGES,
    }
    for path, known in lists.items():
        for name, (field, _) in known.properties.items():
            literal = f"'{field.values[0]}'" if field.values else literals[field.kind]
            for operator in field.operators:
                answer = await api.get(f"{path}?$filter={quote(f'{name} {operator} {literal}')}")
                assert answer.status == 200, (path, name, operator, answer.body)


async def test_pools_and_jobs_are_filtered_by_the_official_client(api: Api) -> None:
    await api.add_pool("one", targetDedicatedNodes=1)
    await api.add_pool("two")
    await api.add_job("a", "One")
    await api.add_job("b", "two")
    async with api.async_client() as client:
        steady = [pool.id async for pool in client.list_pools(filter="allocationState eq 'steady'")]
        sized = [pool.id async for pool in client.list_pools(filter="vmSize eq 'standard_d2S_v3'")]
        of_one = [job.id async for job in client.list_jobs(filter="executionInfo/poolId eq 'one'")]
        with pytest.raises(HttpResponseError, match="InvalidQueryParameterValue"):
            _ = [job.id async for job in client.list_jobs(filter="priority eq 1")]
    assert (steady, sized, of_one) == (["two"], ["one", "two"], ["a"])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("maxresults=0", "OutOfRangeQueryParameterValue"),
        ("maxresults=1001", "OutOfRangeQueryParameterValue"),
        ("maxresults=x", "InvalidQueryParameterValue"),
        ("$top=3", "UnsupportedQueryParameter"),
        ("timeOut=soon", "InvalidQueryParameterValue"),
        ("$filter=id%20eq%20'a'&$filter=id%20eq%20'b'", "InvalidQueryParameterValue"),
        ("$filter=id%20eq%0A'a'", "InvalidQueryParameterValue"),
        ("$filter=&$FILTER=id%20eq%20'b'", "InvalidQueryParameterValue"),
        ("$expand=tasks", "InvalidQueryParameterValue"),
        ("$filter=%ff", "RequestUrlFailedToParse"),
    ],
)
async def test_other_parameters_are_refused(api: Api, query: str, code: str) -> None:
    await api.add_job()
    assert (await api.get(f"/jobs?{query}")).error == (400, code)


async def test_parameter_names_have_no_case_and_long_timeouts_are_cut(api: Api) -> None:
    answer = await api.raw("GET", "/jobs?API-Version=2025-06-01&timeOut=999&MaxResults=1")
    assert answer.status == 200
