"""The page of a node: its boot, its start task, what ran there, its files and its agent's log."""

from __future__ import annotations

import re

import pytest
from tests.batch.service import Node
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Browser
from tests.portal.test_tasks import output

from batchite.link.messages import UseMeasured
from batchite.portal.visit import ROOT

NODE = "/batch/devbatch/pools/films/nodes/tvm-1"
SECOND = 10_000_000
"""in ticks"""
FAILURE = (
    b'{"state":"completed","startTime":"2026-01-02T03:04:05Z","endTime":"2026-01-02T03:04:06Z","exitCode":7,'
    b'"retryCount":1,"result":"failure","failureInfo":{"category":"usererror","code":"FailureExitCode",'
    b'"message":"<i>exited</i>","details":[{"name":"Message","value":"Look at <b>stderr</b>."}]}}'
)
FAILED = {
    "state": "starttaskfailed",
    "start_task_info": FAILURE,
    "start_task_state": "completed",
    "start_task_attempt": 2,
    "start_task_start": 4 * SECOND,
    "start_task_end": 6 * SECOND,
    "start_task_exit_code": 7,
    "boot_requested": SECOND,
    "boot_begun": 2 * SECOND,
    "boot_heard": 3 * SECOND,
}


@pytest.fixture
async def films(operator: Browser) -> Browser:
    start_task = {"commandLine": "/bin/sh -c 'exit 7'", "maxTaskRetryCount": 1, "waitForSuccess": True}
    added = await operator.api.add_pool("films", startTask=start_task, taskSlotsPerNode=4)
    assert added.status == 201
    return operator


def files(films: Browser, **content: bytes) -> Node:
    printed = {f"startup/{name.replace('_', '.')}": text for name, text in content.items()}
    node = Node({"startup": None, "shared": None, "workitems": None, **printed})
    films.api.files.nodes["tvm-1"] = node
    return node


async def test_a_failed_start_task_is_told_with_its_last_lines(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films", **FAILED)
    lines = "".join(f"line {number}\n" for number in range(20_000)).encode()
    files(films, stderr_txt=lines, stdout_txt=b"fine\n")
    page = await films.page(NODE)
    assert "Why it takes no tasks" in page
    assert "It failed with exit code 7." in page
    assert "&lt;i&gt;exited&lt;/i&gt;" in page
    assert "1 of 1" in page
    assert output(page).endswith("line 19998\nline 19999\n")
    assert 'data-over="yes"' in page
    assert output(await films.page(f"{NODE}?file=stdout.txt")) == "fine\n"


async def test_the_stages_of_a_boot_are_told_in_their_order(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films", **FAILED)
    page = await films.page(NODE)
    boot = re.search(r'id="boot">(.*?)</ol>', page, re.DOTALL)
    assert boot is not None
    assert re.findall("<b>(.*?)</b>", boot[1]) == [
        "asked for",
        "allocated",
        "agent up",
        "start task began",
        "start task ended",
    ]
    assert boot[1].count("after 1 s") == 3
    assert boot[1].count("after 2 s") == 1
    assert '<p class="problem">&lt;i&gt;exited&lt;/i&gt;</p>' in boot[1]


async def test_a_node_that_cannot_be_started_says_why(films: Browser) -> None:
    errors = b'[{"code":"<u>","message":"No room: <img src=x onerror=alert(1)>"}]'
    await films.api.add_node("tvm-1", "films", state="creating", errors=errors, boot_requested=SECOND)
    page = await films.page(NODE)
    assert "No room: &lt;img src=x onerror=alert(1)&gt;" in page
    assert "onerror=alert(1)>" not in page
    assert output(page) == "", "nothing is read before it runs"
    tail = await films.get(f"{NODE}/tail?path=startup/stdout.txt&at=0")
    assert (tail.status, tail.text, tail.headers["x-batchite-over"]) == (200, "", "no")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("rebooting", "is rebooting"),
        ("reimaging", "is being made anew"),
        ("offline", "scheduling is disabled"),
        ("deallocating", "is being deallocated"),
        ("deallocated", "nothing runs there"),
        ("unusable", "since the boot failed: no disk."),
    ],
)
async def test_what_a_node_was_told_is_said(films: Browser, state: str, words: str) -> None:
    errors = b'[{"code":"c","message":"m","errorDetails":[{"name":"Reason","value":"no disk"}]}]'
    known = {"errors": errors} if state == "unusable" else {}
    await films.api.add_node("tvm-1", "films", state=state, disabled=state == "offline", **known)
    page = await films.page(NODE)
    assert words in page
    assert f">{state}<" in page


async def test_what_runs_stands_before_what_ran(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films", state="running", node_no=1, tasks_run=2)
    await films.api.add_job("night", "films")
    for task_id in ("done", "busy"):
        await films.api.add_task(task_id, "night", requiredSlots=3)
    ran = {"node_id": "tvm-1", "node_no": 1, "started": SECOND}
    over = {
        "state": "completed",
        "result": "failure",
        "exit_code": 3,
        "failure": b'{"category":"usererror","message":"<b>bad</b>"}',
    }
    await films.api.update_task("done", **ran, **over, ended=3 * SECOND, state_time=3 * SECOND)
    await films.api.update_task("busy", **ran, state="running", state_time=2 * SECOND)
    page = await films.page(NODE)
    assert re.findall(r'<tr id="task-night-(\w+)"', page) == ["busy", "done"]
    assert f'href="{ROOT}/batch/devbatch/jobs/night/tasks/done">' in page
    assert "&lt;b&gt;bad&lt;/b&gt;" in page
    assert re.search(r'data-name="Exit" class="number">3<.*data-name="Took" class="number">2 s<', page, re.S)
    assert "3 of 4" in page
    assert "1 running, 2 run in all, 0 succeeded" in page


async def test_what_a_node_is_and_uses_is_told(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films", tier="process", image=HOSTILE)
    page = await films.page(NODE)
    assert "<dt>Tier</dt><dd>process</dd>" in page
    assert "It did not answer" in page
    films.api.owner.uses["tvm-1"] = UseMeasured(1, 3, 5 << 20, 1.25, None)
    page = await films.page(NODE)
    assert "<dt>Processes</dt><dd>3</dd>" in page
    assert "<dt>Memory</dt><dd>5.0 MiB</dd>" in page
    assert "<dt>Disk</dt><dd>–</dd>" in page
    assert "<dt>Processor</dt><dd>1.2 s since it booted</dd>" in page
    row = re.search(r'data-name="Tier">(\w+)<', await films.page("/batch/devbatch/pools/films"))
    assert row is not None
    assert row[1] == "process"
    assert "<script>alert" not in page


async def test_what_the_agent_said_is_seen_and_does_nothing(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films")
    assert "Nothing can be read here" in await films.page(NODE)
    films.api.owner.logs["tvm-1"] = f"{HOSTILE}\n\x1b[31mred\x1b[0m\n"
    page = await films.page(NODE)
    assert SEEN.replace("⟨001B⟩[31m", "") in page
    assert "<script>alert" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)


async def test_the_agent_s_log_is_followed(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films")
    assert (await films.get(f"{NODE}/said")).status == 204
    films.api.owner.logs["tvm-1"] = ""
    assert re.search(r"<p[^>]* data-silent>It has said nothing so far", await films.page(NODE))
    films.api.owner.logs["tvm-1"] = "a disk is slow\n"
    page = await films.page(NODE)
    assert re.search(r"<p[^>]* data-silent hidden>", page)
    tag = re.search(r'data-tag="([^"]+)"', page)
    assert tag is not None
    same = await films.get(f"{NODE}/said", if_none_match=tag[1].replace("&#34;", '"'))
    assert (same.status, same.text) == (304, "")
    films.api.owner.logs["tvm-1"] += HOSTILE
    more = await films.get(f"{NODE}/said", if_none_match=tag[1].replace("&#34;", '"'))
    assert more.status == 200
    assert more.text.startswith("a disk is slow\n")
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", more.text)
    assert more.headers["content-type"] == "text/plain; charset=utf-8"


async def test_files_of_a_node_are_listed_looked_at_and_saved(films: Browser) -> None:
    await films.api.add_node("tvm-1", "films")
    name = "a <b>\u202e&?#.txt"
    node = files(films, stdout_txt=b"fine\n")
    node.files |= {"shared/in": None, f"shared/in/{name}": b"\x00\x01", "shared/in/deep/er": b""}
    page = await films.page(f"{NODE}/files")
    for directory in ("startup", "shared", "workitems"):
        assert f'href="{ROOT}{NODE}/files?below={directory}">{directory}/</a>' in page
    assert 'below=shared%2Fin">in/</a>' in await films.page(f"{NODE}/files?below=shared")
    inner = await films.page(f"{NODE}/files?below=shared/in")
    assert "a &lt;b&gt;⟨202E⟩&amp;?#.txt</a>" in inner
    assert "er</a>" not in inner
    (link,) = re.findall(r'href="([^"]+)" download', inner)
    saved = await films.get(link.removeprefix(ROOT).replace("&amp;", "&"))
    assert (saved.status, saved.content) == (200, b"\x00\x01")
    assert "Bytes 0 to 5 of 5" in await films.page(f"{NODE}/file?path=startup/stdout.txt")


@pytest.mark.parametrize(
    "path",
    ["../secret", "..%2Fsecret", "startup/../../secret", "%2Fetc/passwd", "%2E%2E/x", ".."],
)
async def test_no_path_leads_out_of_a_node(films: Browser, path: str) -> None:
    await films.api.add_node("tvm-1", "films")
    node = files(films)
    node.files |= {"../secret": b"1", "secret": b"1", "/etc/passwd": b"1"}
    assert (await films.get(f"{NODE}/save?path={path}")).status == 404
    assert "without &#39;..&#39;" in await films.page(f"{NODE}/file?path={path}")
    listed = await films.page(f"{NODE}/files?below={path.removeprefix('%2F')}")
    assert "secret</a>" not in listed
    assert "passwd</a>" not in listed


async def test_a_node_that_is_not_there_has_no_page(films: Browser) -> None:
    for page in ("", "/files", "/file?path=a", "/save?path=a", "/tail?path=a"):
        assert (await films.get(f"{NODE}{page}")).status == 404, page
    other = await films.get("/batch/devbatch/pools/none/nodes/tvm-1")
    assert (other.status, "pool" in other.text) == (404, True)
    await films.api.add_node("tvm-1", "films")
    films.api.files.nodes.clear()
    assert "The node is gone or cannot be reached" in await films.page(f"{NODE}/files")


async def test_a_pool_without_a_start_task_has_nodes_without_its_output(operator: Browser) -> None:
    await operator.api.add_pool("plain")
    await operator.api.add_node("tvm-2", "plain", boot_requested=1, boot_ready=SECOND)
    page = await operator.page("/batch/devbatch/pools/plain/nodes/tvm-2")
    assert "None: the node is ready as soon as it has started." in page
    assert "data-tail" not in page
    assert "What it does" in page
