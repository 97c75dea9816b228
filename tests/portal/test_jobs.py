"""The pages of jobs: what they list, how they are searched, what is done by them."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa
from tests.batch.jobs.test_job_nodes import some_nodes
from tests.batch.service import IMAGE
from tests.portal.hostile_texts import HOSTILE, SEEN
from tests.portal.service import Browser

from batchite.portal.jobs import retrying
from batchite.portal.visit import ROOT
from batchite.scheduling.room import Limits
from batchite.store.batch import schema

JOBS = "/batch/devbatch/jobs"
FAILED = {"state": "completed", "result": "failure", "exit_code": 100, "started": 30, "ended": 40}


async def fail(operator: Browser, task_id: str, cause: str, line: str, count: int = 1) -> None:
    """As the owner of the shards would."""
    await operator.api.update_task(task_id, **FAILED, cause=cause, node_id="tvm-1")
    row = {"job_no": 1, "cause": cause, "category": "usererror", "code": "FailureExitCode", "exit_code": 100}
    row |= {"line": line, "tasks": count, "latest": 40}
    await operator.api.database.write(lambda c: c.execute(sa.insert(schema.failure_causes), row))


async def count(operator: Browser, **counts: int) -> None:
    await operator.api.update(schema.task_counts, **counts)


def tasks(page: str) -> list[str]:
    return re.findall(r'<tr id="task-([^"]+)"', page)


@pytest.fixture
async def films(operator: Browser) -> Browser:
    """With a job of three tasks, of which one failed."""
    await operator.api.add_pool("pool")
    await operator.api.add_job("films", displayName="of the night", priority=7)
    for task_id in ("render-1", "render-2", "sound-1"):
        await operator.api.add_task(task_id, "films")
    await fail(operator, "render-2", "ab12", "file 37 missing")
    await count(operator, active=2, failed=1)
    return operator


async def test_jobs_are_listed_the_newest_first_with_their_tasks(films: Browser) -> None:
    await films.api.add_job("later")
    page = await films.page(JOBS)
    assert re.findall(r'<tr id="job-([^"]+)"', page) == ["later", "films"]
    assert re.search(r"1 failed</span>.*2 active</span>", page)
    assert f'href="{ROOT}/batch/devbatch/pools/pool"' in page
    only = await films.page(f"{JOBS}?q=fil*")
    assert re.findall(r'<tr id="job-([^"]+)"', only) == ["films"]
    assert "There is none that fits" in await films.page(f"{JOBS}?q=night")


async def test_a_job_whose_pool_could_not_be_made_says_why(operator: Browser) -> None:
    operator.api.owner.limited = Limits(1, None)
    pool = {"vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": IMAGE, "targetDedicatedNodes": 1}
    auto = {"poolLifetimeOption": "job", "pool": pool}
    await operator.api.post("/jobs", {"id": "films", "poolInfo": {"autoPoolSpecification": auto}})
    page = await operator.page(f"{JOBS}/films")
    assert "<dt>Pool</dt><dd>–</dd>" in page
    assert "core quota of 1 leaves no room for a single node" in page
    assert '<td data-name="Pool">–</td>' in await operator.page(JOBS)


async def test_a_job_shows_its_tasks_and_why_they_failed(films: Browser) -> None:
    page = await films.page(f"{JOBS}/films")
    assert tasks(page) == ["sound-1", "render-2", "render-1"]
    assert "3 tasks, the newest first" in page
    assert "file 37 missing" in page
    (these,) = re.findall(r'href="([^"]+)" title="Show these">1 task<', page)
    assert these == f"{ROOT}{JOBS}/films?q=cause%3Aab12"
    shown = await films.page(unescape(these).removeprefix(ROOT))
    assert tasks(shown) == ["render-2"]
    assert "1 of 3 task, the newest first" in shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("state:failed", ["render-2"]),
        ("render", ["render-2", "render-1"]),
        ("state:active -id:sound-1", ["render-1"]),
        ("exit:100 node:tvm*", ["render-2"]),
        ("exit:1", []),
    ],
)
async def test_tasks_are_searched_for_by_the_url(films: Browser, text: str, found: list[str]) -> None:
    page = await films.page(f"{JOBS}/films?q={text.replace(':', '%3A').replace(' ', '+')}")
    assert tasks(page) == found
    assert f'value="{text}"' in page
    assert ("No task like that" in page) == (found == [])


async def test_a_mistake_is_marked_where_it_is(films: Browser) -> None:
    page = await films.page(f"{JOBS}/films?q=render+stat%3Afailed+%3Cb%3E%3Ax")
    assert "<code>render <mark>stat</mark>:failed <mark>&lt;b&gt;</mark>:x</code>" in page
    assert "did you mean &#39;state&#39;?" in page
    assert tasks(page) == []


async def test_a_job_of_which_no_task_runs_says_why(films: Browser) -> None:
    page = await films.page(f"{JOBS}/films")
    assert re.search(r"Why none of its tasks runs</h2>\s*<p>[^<]{10,}", page)
    await films.api.add_node("tvm-1", "pool", state="starttaskfailed", start_task_exit_code=1)
    link = f'<a href="{ROOT}/batch/devbatch/pools/pool/nodes/tvm-1">tvm-1</a>'
    assert f"It is {link}." in await films.page(f"{JOBS}/films")
    await count(films, running=1)
    assert "Why none of its tasks runs" not in await films.page(f"{JOBS}/films")


async def test_a_long_list_is_shown_in_pages(films: Browser) -> None:
    for number in range(60):
        await films.api.add_task(f"t-{number:02}", "films")
    first = await films.page(f"{JOBS}/films?q=t-")
    assert tasks(first) == [f"t-{number:02}" for number in range(59, 9, -1)]
    (link,) = re.findall(r'<a href="([^"]+)" rel="next">', first)
    second = await films.page(unescape(link).removeprefix(ROOT))
    assert tasks(second) == [f"t-{number:02}" for number in range(9, -1, -1)]
    assert "First page" in second


async def test_the_newest_of_a_cause_is_one_click_away(films: Browser) -> None:
    answer = await films.get(f"{JOBS}/films/newest?q=cause%3Aab12")
    assert (answer.status, answer.headers["location"]) == (302, f"{ROOT}{JOBS}/films/tasks/render-2")
    assert (await films.get(f"{JOBS}/films/newest?q=cause%3Anone")).status == 404
    assert (await films.get(f"{JOBS}/films/newest?q=x%3Ay")).status == 404


async def test_what_can_be_typed_is_hinted_at(films: Browser) -> None:
    hints = await films.page(f"{JOBS}/films/hints?q=render+ca")
    assert hints.count("<option") == 1
    assert 'value="render cause:"' in hints
    hints = await films.page(f"{JOBS}/films/hints?q=cause%3A")
    assert 'value="cause:ab12">1 × file 37 missing' in hints


async def test_hostile_texts_are_seen_and_do_nothing(operator: Browser) -> None:
    await operator.api.add_pool("pool")
    metadata = [{"name": HOSTILE, "value": HOSTILE}]
    added = await operator.api.add_job("films", displayName=HOSTILE, metadata=metadata)
    assert added.status == 201
    await operator.api.add_task("t", "films")
    await fail(operator, "t", "ab12", HOSTILE)
    for page in (await operator.page(JOBS), await operator.page(f"{JOBS}/films")):
        assert SEEN in page
        assert "<script>alert" not in page
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert "<script>" not in await operator.page(f"{JOBS}/films/hints?q=cause%3A")


async def test_a_job_is_added_by_a_form(operator: Browser) -> None:
    await operator.api.add_pool("pool")
    form = await operator.page("/batch/devbatch/new-job")
    assert '<option value="pool">' in form
    fields = {"id": "night", "pool": "pool", "priority": "5", "ends": "yes", "retries": "2", "limit": "PT1H"}
    answer = await operator.post("/batch/devbatch/new-job", fields)
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{JOBS}/night")
    job = (await operator.api.get("/jobs/night")).json
    assert (job["priority"], job["onAllTasksComplete"]) == (5, "terminatejob")
    assert job["constraints"]["maxTaskRetryCount"] == 2
    assert job["constraints"]["maxWallClockTime"] == "PT1H"


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"id": "a b", "pool": "pool"}, 400, "id: it"),
        ({"id": "ok", "pool": ""}, 400, "poolInfo.poolId"),
        ({"id": "ok", "pool": "pool", "priority": "high"}, 400, "priority: it"),
        ({"id": "ok", "pool": "pool", "priority": "5000"}, 400, "priority: it"),
        ({"id": "ok", "pool": "pool", "limit": "an hour"}, 400, "constraints.maxWallClockTime: it"),
        ({"id": "films", "pool": "pool"}, 409, "exists"),
    ],
)
async def test_what_is_wrong_with_a_form_is_said_and_nothing_typed_is_lost(
    films: Browser, fields: dict[str, str], status: int, said: str
) -> None:
    answer = await films.post("/batch/devbatch/new-job", {**fields, "name": 'my "job"'})
    assert answer.status == status
    assert said in re.search(r'role="alert">([^<]+)', answer.text)[1]  # type: ignore[index]
    assert 'value="my &#34;job&#34;"' in answer.text
    assert f'name="id" required maxlength="64" value="{fields["id"]}"' in answer.text
    assert (await films.api.get("/jobs/ok")).status == 404


async def test_a_job_is_terminated_and_deleted_by_name(films: Browser) -> None:
    page = await films.page(f"{JOBS}/films")
    assert "Terminate the job films?" in page
    assert "Delete the job films?" in page
    assert "Its 3 tasks go with it" in page
    answer = await films.post(f"{JOBS}/films/terminate")
    assert (answer.status, answer.headers["location"]) == (303, f"{ROOT}{JOBS}/films")
    page = await films.page(f"{JOBS}/films")
    assert "The job films is being ended" in page
    assert 'data-dialog="terminate"' not in page
    assert (await films.post(f"{JOBS}/films/terminate")).status == 409
    assert (await films.post(f"{JOBS}/films/delete")).status == 303
    assert (await films.api.get("/jobs/films")).json["state"] == "deleting"


async def test_a_job_is_disabled_with_what_becomes_of_its_tasks_and_enabled(films: Browser) -> None:
    job = f"{JOBS}/films"
    page = await films.page(job)
    assert [option in page for option in ('value="requeue" checked', 'value="wait"')] == [True, True]
    assert f"{job}/enable" not in page
    await films.post(f"{job}/disable", {"option": "wait"})
    page = await films.page(job)
    assert "The job films starts no tasks from now on." in page
    assert '<span class="chip waiting">disabling</span>' in page
    assert 'data-dialog="disable"' in page, "another option may be wanted"
    refused = await films.post(f"{job}/disable", {"option": "often"})
    assert (refused.status, "often" in refused.text) == (400, True)
    await films.api.update(schema.jobs, state="disabled")
    assert 'data-dialog="disable"' not in await films.page(job)
    await films.post(f"{job}/enable")
    assert '<span class="chip waiting">enabling</span>' in await films.page(job)
    assert (await films.post(f"{job}/enable")).status == 409


async def test_failed_tasks_of_a_cause_are_run_anew_together(
    films: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task_id in ("render-3", "render-4"):
        await films.api.add_task(task_id, "films")
        await films.api.update_task(task_id, **FAILED, cause="ab12", node_id="tvm-1")
    await films.api.update(schema.failure_causes, tasks=3)
    await count(films, active=2, failed=3)
    job = f"{JOBS}/films"
    assert "Run 3 failed tasks of films anew?" in await films.page(job)
    monkeypatch.setattr(retrying, "MOST", 2)
    assert "Run the newest 2 of 3 failed tasks" in await films.page(job)
    await films.post(f"{job}/retry", {"cause": "ab12"})
    page = await films.page(job)
    assert "2 tasks wait to run anew." in page
    assert "Run 1 failed task of films anew?" in page
    assert {"render-3", "render-4"} <= set(tasks(await films.page(f"{job}?q=state%3Aactive")))
    await films.post(f"{job}/tasks/render-2/reactivate")
    assert "The task render-2 waits to run anew." in await films.page(f"{job}/tasks/render-2")
    assert "failed by cause" not in await films.page(job)
    await films.post(f"{job}/retry", {"cause": "none"})
    assert "0 tasks wait to run anew." in await films.page(job)
    assert (await films.post(f"{job}/tasks/render-1/reactivate")).status == 409


async def test_what_is_not_there(operator: Browser) -> None:
    for path in ("", "/newest", "/hints", "/tasks/t", "/new-task"):
        assert (await operator.get(f"{JOBS}/none{path}")).status == 404, path
    assert (await operator.post(f"{JOBS}/none/delete")).status == 404


async def test_where_a_job_was_prepared_and_released_is_seen(operator: Browser) -> None:
    await operator.api.add_pool()
    page = f"{JOBS}/job/preparation"
    await some_nodes(operator.api)
    assert f'href="{ROOT}{page}">Where it was prepared and released' in await operator.page(f"{JOBS}/job")
    shown = await operator.page(page)
    assert re.findall(r'<tr id="node-([^"]+)"', shown) == ["n1", "n2"]
    assert re.search(r'id="node-n1".*?chip bad">failure</span> <span class="quiet">exit 3<', shown, re.DOTALL)
    assert re.search(r'id="node-n2".*?data-name="Release"><span class="chip busy">running', shown, re.DOTALL)
    assert re.findall(r'<tr id="node-([^"]+)"', await operator.page(f"{page}?q=prepared:failure")) == ["n1"]
    await operator.api.add_job("plain")
    assert (await operator.get(f"{JOBS}/plain/preparation")).status == 409
    assert "Where it was prepared" not in await operator.page(f"{JOBS}/plain")
