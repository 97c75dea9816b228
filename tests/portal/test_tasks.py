"""The pages of tasks: their course, what they printed, and what is done with them."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.batch.service import Node
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Browser
from tests.portal.streams import following, stream_of
from tests.portal.test_jobs import JOBS

from batchite.portal import live
from batchite.portal.files import reading
from batchite.portal.tasks import views
from batchite.portal.visit import ROOT
from batchite.wire.ticks import Duration

TASK = f"{JOBS}/films/tasks/t"
DIRECTORY = "workitems/films/job-1/t"
FAILURE = (
    b'{"category":"usererror","code":"FailureExitCode","message":"<i>exited</i>",'
    b'"details":[{"name":"Message","value":"Look at <b>stderr</b>."}]}'
)


@pytest.fixture
async def films(operator: Browser) -> Browser:
    await operator.api.add_pool("pool")
    await operator.api.add_job("films")
    added = await operator.api.add_task(
        "t",
        "films",
        commandLine="/bin/sh -c 'exit 3'",
        displayName=HOSTILE,
        environmentSettings=[{"name": "A", "value": HOSTILE}],
        constraints={"maxTaskRetryCount": 2},
    )
    assert added.status == 201
    return operator


async def ran(films: Browser, state: str = "completed", **files: bytes) -> None:
    values = {"state": state, "started": 30, "node_id": "tvm-1", "node_no": 1, "retry_count": 2}
    if state == "completed":
        kept = {"files_until": films.clock.now().ticks + Duration.of(days=7).ticks}
        values |= {"ended": 60, "exit_code": 3, "result": "failure", "failure": FAILURE, **kept}
    await films.api.update_task("t", **values)
    content = {f"{DIRECTORY}/{name.replace('_', '.')}": text for name, text in files.items()}
    films.api.files.nodes["tvm-1"] = Node({DIRECTORY: None, **content})


def output(page: str) -> str:
    found = re.search(r'<pre class="tail"[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return found[1]


async def test_a_task_that_waits_says_why(films: Browser) -> None:
    page = await films.page(TASK)
    assert "Why it does not run" in page
    assert re.search(r'id="reasons".*?<p>[^<]{10,}', page, re.DOTALL)
    assert output(page) == ""
    assert "exit 3" in page


async def test_a_failure_is_told_in_words_with_the_end_of_what_was_printed(films: Browser) -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000)).encode()
    await ran(films, stderr_txt=lines, stdout_txt=b"fine\n")
    page = await films.page(TASK)
    assert "It failed with exit code 3" in page
    assert "&lt;i&gt;exited&lt;/i&gt;" in page
    assert "Look at &lt;b&gt;stderr&lt;/b&gt;." in page
    assert "3 (2 retries, 0 requeues)" in page
    shown = output(page).splitlines()
    assert shown[-1] == "line 19999"
    assert 50 < len(shown) < 20_000
    assert re.fullmatch(r"line \d+", shown[0]), "no line lacks its beginning"
    assert output(await films.page(f"{TASK}?file=stdout.txt")) == "fine\n"


async def test_ordinary_output_is_opened_where_there_are_no_errors(films: Browser) -> None:
    await ran(films, stderr_txt=b"", stdout_txt=b"fine\n")
    page = await films.page(TASK)
    assert output(page) == "fine\n"
    assert 'aria-current="page">stdout.txt' in page


async def test_hostile_texts_are_seen_and_do_nothing(films: Browser) -> None:
    await ran(films, stderr_txt=HOSTILE.encode() + b"\xff\x1b[31mred\x1b[0m")
    page = await films.page(TASK)
    assert page.count(SEEN) >= 2
    assert "red" in output(page)
    piece = await films.page(f"{TASK}/file?path=stderr.txt")
    for text in (page, piece):
        assert "<script>alert" not in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    tail = await films.get(f"{TASK}/tail?path=stderr.txt&at=0")
    assert tail.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in tail.headers["content-security-policy"]


async def test_a_file_is_followed_by_offset(films: Browser) -> None:
    await ran(films, "running", stdout_txt="one\né".encode())
    first = await films.get(f"{TASK}/tail?path=stdout.txt&at=0")
    assert (first.text, first.headers["x-batchite-end"]) == ("one\né", "6")
    assert first.headers["x-batchite-over"] == "no"
    await ran(films, stdout_txt="one\nétwo\n".encode())
    second = await films.get(f"{TASK}/tail?path=stdout.txt&at=6")
    assert (second.text, second.headers["x-batchite-end"]) == ("two\n", "10")
    assert second.headers["x-batchite-over"] == "yes"
    beyond = await films.get(f"{TASK}/tail?path=stdout.txt&at=999")
    assert (beyond.text, beyond.headers["x-batchite-end"]) == ("", "10")


async def test_its_course_is_told_step_by_step(films: Browser) -> None:
    await ran(films, stdout_txt=b"fine\n")
    second = 10_000_000
    await films.api.update_task("t", created=0, assigned=second, started=3 * second, ended=90 * second)
    page = await films.page(TASK)
    told = re.search(r'<ol class="course">(.*?)</ol>', page, re.DOTALL)
    assert told is not None
    steps = re.findall(r"<b>([^<]*)</b>.*?(?:after ([^<]*)<|</li>)", told[1])
    assert steps == [
        ("added", ""),
        ("assigned", "1 s"),
        ("started", "2 s"),
        ("ended", "1 min 27 s"),
    ]


async def test_a_task_that_fetches_its_files_says_so_until_it_has_them(
    films: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(live, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(live, "PAUSES_OF_A_LOOK", 0)
    files = [{"httpUrl": "http://127.0.0.1:1/x", "filePath": "x"}]
    await films.api.add_task("t2", "films", resourceFiles=files)
    await films.api.update_task("t2", state="running", started=30, node_id="tvm-1", node_no=1)
    directory = DIRECTORY.replace("/t", "/t2")
    node = films.api.files.nodes["tvm-1"] = Node({directory: None})
    page = await films.page(f"{TASK}2")
    assert "has been fetching the task&#39;s files since" in page
    assert f'<a href="{ROOT}/batch/devbatch/pools/pool/nodes/tvm-1">Open the node</a>' in page
    assert 'class="problem"' not in page, "that nothing is printed yet is no problem"
    async with following(films, stream_of(page)) as stream:
        node.files[f"{directory}/stdout.txt"] = b"fine\n"
        assert "has been running on node tvm-1" in (await stream.next())["data"]


async def test_nothing_is_to_be_read_before_a_task_runs(films: Browser) -> None:
    answer = await films.get(f"{TASK}/tail?path=stdout.txt&at=0")
    assert (answer.status, answer.text, answer.headers["x-batchite-over"]) == (200, "", "no")
    assert (await films.get(f"{TASK}/save?path=stdout.txt")).status == 409
    assert "Wait until the task" in await films.page(f"{TASK}/files")


async def test_a_node_that_is_gone_keeps_no_page_from_being_shown(films: Browser) -> None:
    await ran(films)
    films.api.files.nodes.clear()
    assert "The node is gone or cannot be reached" in await films.page(TASK)
    assert "The node is gone or cannot be reached" in await films.page(f"{TASK}/files")


async def test_files_are_listed_looked_at_and_saved(films: Browser) -> None:
    await ran(films, stdout_txt=b"x" * 200_000)
    files = films.api.files.nodes["tvm-1"].files
    files |= {f"{DIRECTORY}/wd": None, f"{DIRECTORY}/wd/a <b>": b"\x00\x01", f"{DIRECTORY}/wd/in/c": b"1"}
    page = await films.page(f"{TASK}/files")
    assert "200000" in page
    assert f'href="{ROOT}{TASK}/files?below=wd">wd/</a>' in page
    inner = await films.page(f"{TASK}/files?below=wd")
    assert "a &lt;b&gt;</a>" in inner
    assert ">c</a>" not in inner
    end = await films.page(f"{TASK}/file?path=stdout.txt")
    assert "Bytes 134464 to 200000 of 200000" in end
    assert "Later" not in end
    first = await films.page(f"{TASK}/file?path=stdout.txt&at=0")
    assert "Bytes 0 to 65536 of 200000" in first
    saved = await films.get(f"{TASK}/save?path=wd/a%20%3Cb%3E")
    assert (saved.status, saved.text) == (200, "\x00\x01")
    assert saved.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20%3Cb%3E"
    assert saved.headers["content-type"] == "application/octet-stream"
    for path in ("wd", "none", "../../secret", "/etc/passwd", ""):
        assert (await films.get(f"{TASK}/save?path={path}")).status == 404, path


async def test_files_with_names_that_are_no_text_are_followed_by_their_links(films: Browser) -> None:
    """As nodes spell them, the name of a directory too."""
    await ran(films)
    files = films.api.files.nodes["tvm-1"].files
    files |= {f"{DIRECTORY}/�FF": None, f"{DIRECTORY}/�FF/caf�E9": b"coffee"}
    outer = await films.page(f"{TASK}/files")
    below = html.unescape(re.findall(r'href="([^"]+)">�FF/</a>', outer)[0])
    inner = await films.page(below.removeprefix(ROOT))
    link = html.unescape(re.findall(r'href="([^"]+)" download>', inner)[0])
    assert (await films.get(link.removeprefix(ROOT))).content == b"coffee"


async def test_a_task_is_added_by_a_form(films: Browser) -> None:
    fields = {"id": "new", "command": "env", "environment": "A=1\n\nB=x=y\n", "slots": "2", "retries": "1"}
    answer = await films.post(f"{JOBS}/films/new-task", fields)
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{JOBS}/films/tasks/new")
    task = (await films.api.get("/jobs/films/tasks/new")).json
    assert task["environmentSettings"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "x=y"}]
    assert (task["requiredSlots"], task["constraints"]["maxTaskRetryCount"]) == (2, 1)
    again = await films.post(f"{JOBS}/films/new-task", fields)
    assert again.status == 409
    assert "B=x=y" in again.text
    wrong = await films.post(f"{JOBS}/films/new-task", {"id": "other", "command": " "})
    assert wrong.status == 400
    assert "commandLine" in wrong.text


async def test_resource_files_are_lines_of_a_form(films: Browser) -> None:
    lines = "http://127.0.0.1:1/in/a%20b.txt?sig=x\n\n  http://127.0.0.1:1/c data/my file  \n"
    fields = {"id": "new", "command": "env", "files": lines, "elevated": "yes"}
    assert (await films.post(f"{JOBS}/films/new-task", fields)).status == 303
    task = (await films.api.get("/jobs/films/tasks/new")).json
    assert task["resourceFiles"] == [
        {"httpUrl": "http://127.0.0.1:1/in/a%20b.txt?sig=x", "filePath": "a b.txt"},
        {"httpUrl": "http://127.0.0.1:1/c", "filePath": "data/my file"},
    ]
    assert task["userIdentity"]["autoUser"]["elevationLevel"] == "admin"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("http://127.0.0.1:1/", "say after it which path it gets"),
        ("http://[", "say after it which path it gets"),
        ("a.txt", "write a URL or account/container/blob"),
        ("nobody/in/a.txt", "There is no storage account &#39;nobody&#39; here"),
        ("a/b/c\n" * 101, "100 lines at most"),
    ],
)
async def test_a_line_that_is_no_resource_file_is_named(films: Browser, lines: str, said: str) -> None:
    fields = {"id": "new", "command": "env", "files": lines}
    answer = await films.post(f"{JOBS}/films/new-task", fields)
    assert answer.status == 400
    assert said in answer.text
    assert f">{lines}</textarea>" in answer.text, "what was typed is still there"
    assert (await films.api.get("/jobs/films/tasks/new")).status == 404


async def test_a_task_is_terminated_and_deleted_by_name(films: Browser) -> None:
    page = await films.page(TASK)
    assert "Terminate the task t?" in page
    assert "Delete the task t?" in page
    assert (await films.post(f"{TASK}/terminate")).status == 303
    await films.api.update_task("t", state="completed", result="failure", intent=None)
    assert (await films.post(f"{TASK}/terminate")).status == 409
    answer = await films.post(f"{TASK}/delete")
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{JOBS}/films")
    assert (await films.get(TASK)).status == 404


@given(st.text(), st.integers(1, 9))
def test_pieces_of_a_text_are_the_text(text: str, size: int) -> None:
    """Wherever it is cut, no character is lost or broken."""
    content, at, pieces = text.encode("utf-8", "replace"), 0, ""
    while at < len(content):
        first, piece, used = reading.decoded(content[at : at + size + 3], is_first=at == 0)
        assert first == 0
        assert used > 0
        pieces += piece
        at += used
    assert pieces == content.decode()


@given(st.binary(max_size=40), st.booleans())
def test_bytes_that_are_no_text_come_to_an_end_too(content: bytes, is_first: bool) -> None:
    first, _, used = reading.decoded(content, is_first=is_first)
    assert first <= used <= len(content)
    assert used > 0 or not content


@pytest.mark.parametrize(
    "target",
    [
        f"{JOBS}?q=%00",
        f"{JOBS}?after=99999999999999999999",
        f"{JOBS}/films?q={'x+' * 3000}",
        f"{JOBS}/films?q=id%3A%00",
        f"{JOBS}/films?after=-1&q=exit%3A1",
        f"{JOBS}/films/hints?q=%00",
        f"{JOBS}/films%2F..%2Ffilms",
        f"{JOBS}/%00",
        f"{TASK}?file=%00",
        f"{TASK}/tail?path=%00&at=0",
        f"{TASK}/tail?path=stdout.txt&at=-5",
        f"{TASK}/tail?path=stdout.txt&at=999999999999999999",
        f"{TASK}/tail",
        f"{TASK}/file?path=..%2F..%2Fx",
        f"{TASK}/file?path=stdout.txt&at=x",
        f"{TASK}/files?below=..%2F..&after=%00",
        f"{TASK}/save?path=%ff",
    ],
)
async def test_hostile_urls_are_answered(films: Browser, target: str) -> None:
    await ran(films, stdout_txt=b"fine\n")
    answer = await films.get(target)
    assert answer.status < 500, answer.text


async def test_a_task_that_depends_on_others_leads_to_who_keeps_it(operator: Browser) -> None:
    await operator.api.add_pool()
    await operator.api.add_job(usesTaskDependencies=True)
    await operator.api.add_task("first")
    ranges = [{"start": 1, "end": 9}]
    await operator.api.add_task("then", dependsOn={"taskIds": ["first"], "taskIdRanges": ranges})
    await operator.api.add_task("last", dependsOn={"taskIds": ["then"]})
    page = await operator.page("/batch/devbatch/jobs/job/tasks/last")
    assert re.search(r'id="reasons".*?/jobs/job/tasks/then">Open then</a>', page, re.DOTALL)
    page = await operator.page("/batch/devbatch/jobs/job/tasks/then")
    assert re.search(r"<dt>Depends on</dt><dd><a [^>]*/tasks/first\">first</a>, 1–9 <a [^>]*/job/graph", page)
    assert "What waits for what, as a graph" in await operator.page("/batch/devbatch/jobs/job")
    graph = await operator.page("/batch/devbatch/jobs/job/graph")
    assert graph.count("<rect class=") == 4, "of three tasks, and what is missing of the range"
