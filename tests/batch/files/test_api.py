import asyncio
from urllib.parse import quote, unquote

import aiohttp
import pytest
from azure.core.exceptions import ResourceNotFoundError
from tests.batch.service import VERSION, Answer, Api, Node
from tests.clocks import Machine

from batchite.machine.clock import SystemClock
from batchite.store.batch import schema
from batchite.wire.ticks import MAX_TICKS

ROOT = "workitems/Job/job-1/Task"
TEXT = b"0123456789" * 500


async def run_task(api: Api) -> None:
    """A task that ran on the node `n` and left files there."""
    await api.add_pool()
    await api.add_node("n")
    await api.add_job("Job")
    await api.add_task("Task", "Job")
    await api.update(
        schema.tasks, state="completed", node_id="n", node_no=1, started=10, files_until=MAX_TICKS
    )
    api.files.nodes["n"] = Node(
        {
            "startup": None,
            "startup/stdout.txt": b"ready",
            "workitems": None,
            f"{ROOT}/stdout.txt": TEXT,
            f"{ROOT}/wd": None,
            f"{ROOT}/wd/a b%/ü.bin": b"\0\1",
            f"{ROOT}/empty": b"",
        }
    )


async def test_a_task_file_is_read_by_the_synchronous_client(api: Api) -> None:
    await run_task(api)

    def program() -> None:
        with api.client() as client:
            assert b"".join(client.download_task_file("job", "task", "stdout.txt")) == TEXT
            ranged = client.download_task_file("job", "task", "stdout.txt", ocp_range="bytes=10-19")
            assert b"".join(ranged) == TEXT[10:20]
            assert b"".join(client.download_task_file("job", "task", "empty")) == b""
            found = client.get_task_file_properties("job", "task", "stdout.txt")
            assert found.content_length == 5000
            assert found.is_directory is False
            assert found.file_mode == "100644"
            assert unquote(found.url) == f"{api.url}/jobs/Job/tasks/Task/files/stdout.txt"
            names = {file.name for file in client.list_task_files("job", "task", recursive=True)}
            assert names == {"stdout.txt", "wd", "wd/a b%/ü.bin", "empty"}

    await asyncio.to_thread(program)


async def test_files_of_a_node(api: Api) -> None:
    await run_task(api)
    async with api.async_client() as client:
        assert [file.name async for file in client.list_node_files("pool", "n")] == ["startup", "workitems"]
        content = await client.download_node_file("pool", "n", "startup/stdout.txt")
        assert b"".join([chunk async for chunk in content]) == b"ready"
        strange = await client.download_node_file("pool", "n", f"{ROOT}/wd/a b%/ü.bin")
        assert b"".join([chunk async for chunk in strange]) == b"\0\1"
        found = await client.get_node_file_properties("pool", "n", "startup")
        assert found.is_directory is True
        with pytest.raises(ResourceNotFoundError):
            await client.download_node_file("pool", "n", "none.txt")


async def test_every_url_of_a_file_leads_to_it(api: Api) -> None:
    await run_task(api)
    files = api.files.nodes["n"].files
    task = (await api.get("/jobs/job/tasks/task")).json
    root = task["nodeInfo"]["taskRootDirectoryUrl"].removeprefix(api.url)
    for target in ("/jobs/job/tasks/task/files", "/pools/pool/nodes/n/files"):
        base = ROOT + "/" if "tasks" in target else ""
        listed = [
            file
            for file in (await api.get(f"{target}?recursive=true")).json["value"]
            if not file["isDirectory"]
        ]
        assert listed
        for file in listed:
            answer = await api.get(file["url"].removeprefix(api.url))
            assert (answer.status, answer.body) == (200, files[base + file["name"]])
            own = unquote(answer.headers["ocp-batch-file-url"]).removeprefix(api.url)
            assert (await api.get(own)).body == answer.body
            if base:
                assert (await api.get(f"{root}/{quote(file['name'])}")).body == answer.body


async def test_a_backslash_is_part_of_a_name_or_lies_between_two(api: Api) -> None:
    await run_task(api)
    files = api.files.nodes["n"].files
    files |= {f"{ROOT}/wd/a\\b": b"of that name", f"{ROOT}/c/d": b"below", f"{ROOT}/..\\up": b"odd"}
    async with api.async_client() as client:
        names = {file.name async for file in client.list_task_files("job", "task", recursive=True)}
        for name, content in (("wd/a\\b", b"of that name"), ("..\\up", b"odd"), ("c\\d", b"below")):
            assert name in names or name == "c\\d"
            found = await client.download_task_file("job", "task", name)
            assert b"".join([chunk async for chunk in found]) == content
            assert (await client.get_task_file_properties("job", "task", name)).content_length == len(content)
            await client.delete_task_file("job", "task", name)
            with pytest.raises(ResourceNotFoundError):
                await client.download_task_file("job", "task", name)
    assert not {name for name in files if "\\" in name or name.endswith("c/d")}


async def test_files_are_listed_in_pages_and_by_prefix(api: Api) -> None:
    await run_task(api)
    target = "/jobs/job/tasks/task/files?recursive=true"
    first = (await api.get(f"{target}&maxresults=2")).json
    assert [file["name"] for file in first["value"]] == ["empty", "stdout.txt"]
    assert first["value"][1] == {
        "name": "stdout.txt",
        "url": f"{api.url}/jobs/Job/tasks/Task/files/stdout.txt",
        "isDirectory": False,
        "properties": {
            "lastModified": "2023-11-14T22:13:20Z",
            "contentLength": "5000",
            "contentType": "text/plain",
            "fileMode": "100644",
        },
    }
    rest = (await api.raw("GET", first["odata.nextLink"].removeprefix(api.url))).json
    assert [file["name"] for file in rest["value"]] == ["wd", "wd/a b%/ü.bin"]
    filtered = (await api.get(f"{target}&$filter=startswith(name,'wd/')")).json["value"]
    assert [file["name"] for file in filtered] == ["wd/a b%/ü.bin"]


@pytest.mark.parametrize(
    ("header", "content"),
    [
        ("bytes=4990-", b"0123456789"),
        ("bytes=4998-9999", b"89"),
        ("bytes=-3", b"789"),
        ("bytes=0-0", b"0"),
    ],
)
async def test_ranges(api: Api, header: str, content: bytes) -> None:
    await run_task(api)
    answer = await api.get("/jobs/job/tasks/task/files/stdout.txt", ocp_range=header)
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("bytes=5000-", (416, "InvalidRange")),
        ("bytes=9-1", (416, "InvalidRange")),
        ("bytes=-0", (416, "InvalidRange")),
        ("bytes=a-b", (400, "InvalidHeaderValue")),
        ("0-5", (400, "InvalidHeaderValue")),
        ("bytes=-", (400, "InvalidHeaderValue")),
    ],
)
async def test_ranges_outside_of_the_file(api: Api, header: str, error: tuple[int, str]) -> None:
    await run_task(api)
    assert (await api.get("/jobs/job/tasks/task/files/stdout.txt", ocp_range=header)).error == error


async def test_encoded_separators_of_both_kinds_are_taken(api: Api) -> None:
    await run_task(api)
    for separator in ("%2F", "%5C", "%5c"):
        path = separator.join(["wd", "a%20b%25", "%C3%BC.bin"])
        answer = await api.get(f"/jobs/job/tasks/task/files/{path}")
        assert (answer.status, answer.body) == (200, b"\0\1")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["ocp-batch-file-isdirectory"] == "False"


@pytest.mark.parametrize(
    "path", ["..%2F..%2Fother", "wd%2F..%2F..", "%2E%2E", "%2Fetc%2Fpasswd", "..%5C..", "%5C%5Chost", "."]
)
async def test_paths_that_could_lead_out_are_refused(api: Api, path: str) -> None:
    await run_task(api)
    for root in ("/jobs/job/tasks/task", "/pools/pool/nodes/n"):
        assert (await api.get(f"{root}/files/{path}")).error == (404, "FileNotFound")


async def test_directories_have_no_content(api: Api) -> None:
    await run_task(api)
    answer = await api.get("/jobs/job/tasks/task/files/wd")
    assert answer.error == (404, "FileNotFound")
    assert "is a directory" in answer.message


async def test_dates_are_the_only_conditions_on_files(api: Api) -> None:
    await run_task(api)
    target = "/jobs/job/tasks/task/files/stdout.txt"
    changed = (await api.get(target)).headers["Last-Modified"]
    assert (await api.get(target, If_Modified_Since=changed)).status == 304
    assert (await api.get(target, If_None_Match="0x1")).error == (400, "UnsupportedHeader")
    assert "ETag" not in (await api.get(target)).headers


async def test_files_of_tasks_that_never_ran_or_whose_node_is_gone(api: Api) -> None:
    await run_task(api)
    del api.files.nodes["n"]
    assert (await api.get("/jobs/job/tasks/task/files")).error == (409, "TaskFilesUnavailable")
    assert (await api.get("/pools/pool/nodes/n/files")).error == (409, "NodeStateUnusable")
    await api.update(schema.tasks, state="active", node_id=None, started=None)
    assert (await api.get("/jobs/job/tasks/task/files/x")).error == (409, "TaskFilesUnavailable")
    assert (await api.get("/jobs/job/tasks/none/files/x")).error == (404, "TaskNotFound")


async def test_files_of_a_task_that_waits_for_a_retry(api: Api) -> None:
    """Also when it is ended meanwhile, but not those of a node that has been given it and not begun."""
    await run_task(api)
    files = "/jobs/job/tasks/task/files/stdout.txt"
    for state in ("active", "completed"):
        await api.update(schema.tasks, state=state, started=None)
        assert (await api.get(files)).status == 200
    await api.update(schema.tasks, state="leased")
    assert (await api.get(files)).error == (409, "TaskFilesUnavailable")


async def test_full_directories_are_deleted_only_recursively(api: Api) -> None:
    await run_task(api)
    wd = "/jobs/job/tasks/task/files/wd"
    assert (await api.delete(wd)).error == (409, "OperationInvalidForCurrentState")
    assert (await api.raw("DELETE", f"{wd}?recursive=true&api-version=2025-06-01")).status == 200
    assert (await api.get(f"{wd}%2Fa%20b%25")).error == (404, "FileNotFound")
    assert (await api.raw("DELETE", f"{wd}?recursive=yes&api-version=2025-06-01")).error == (
        400,
        "InvalidQueryParameterValue",
    )


async def get_text(api: Api) -> Answer:
    return await api.raw("GET", f"/jobs/Job/tasks/Task/files/stdout.txt?{VERSION}")


async def test_a_file_that_grows_as_it_is_read_is_as_long_as_was_said(api: Api) -> None:
    await run_task(api)
    api.files.nodes["n"].extra = 2500
    answer = await get_text(api)
    assert (answer.status, answer.body) == (200, TEXT)


@pytest.mark.parametrize(("extra", "leaves"), [(-1, False), (-1500, True)])
async def test_a_file_that_cannot_be_sent_to_its_end_is_not_taken_for_a_whole_one(
    api: Api, extra: int, leaves: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await run_task(api)
    api.files.nodes["n"].extra, api.files.nodes["n"].leaves = extra, leaves
    with pytest.raises(aiohttp.ClientPayloadError):
        await get_text(api)
    assert not [record for record in caplog.records if record.exc_info]
    api.files.nodes["n"].extra, api.files.nodes["n"].leaves = 0, False
    assert (await get_text(api)).body == TEXT


async def test_a_file_that_is_emptied_as_it_is_read(api: Api) -> None:
    await run_task(api)
    api.files.nodes["n"].extra = -len(TEXT)
    assert (await get_text(api)).error == (409, "OperationInvalidForCurrentState")


async def test_files_that_are_kept_no_more(api: Api, machine: Machine) -> None:
    """Whether or not they have been removed already."""
    await run_task(api)
    target = "/jobs/job/tasks/task/files"
    for until in (SystemClock(machine.time_ns).now().ticks, None):
        await api.update(schema.tasks, files_until=until)
        for verb, path in (("GET", ""), ("GET", "/stdout.txt"), ("DELETE", "/stdout.txt")):
            answer = await api.raw(verb, f"{target}{path}?{VERSION}")
            assert answer.error == (409, "TaskFilesCleanedup")
            assert "retentionTime" in answer.message
        assert (await api.raw("HEAD", f"{target}/stdout.txt?{VERSION}")).status == 409
    await api.update(schema.tasks, state="active")
    assert (await api.get(f"{target}/stdout.txt")).status == 200, "it waits to be retried"


async def test_files_of_a_node_that_is_gone(api: Api) -> None:
    await run_task(api)
    del api.files.nodes["n"]
    assert (await api.get("/jobs/job/tasks/task/files")).error == (409, "TaskFilesUnavailable")
