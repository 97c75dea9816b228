"""The pages of job schedules."""

from __future__ import annotations

import re

import pytest
from tests.portal.hostile_texts import HOSTILE
from tests.portal.service import Browser

from batchite.resources.rules import ScheduleRules
from batchite.scheduling.recurrence import coming
from batchite.store.batch import schema

PAGE = "/batch/devbatch/job-schedules"
SPECIFICATION = {"poolInfo": {"poolId": "pool"}}


async def add(operator: Browser, schedule_id: str = "night", **given: object) -> None:
    body = {"id": schedule_id, "schedule": {"recurrenceInterval": "PT1H"}, "jobSpecification": SPECIFICATION}
    assert (await operator.api.post("/jobschedules", {**body, **given})).status == 201


@pytest.mark.parametrize(
    ("rules", "runs"),
    [
        (ScheduleRules(), [100]),
        (ScheduleRules(recurrence_interval=50), [100, 150, 200]),
        (ScheduleRules(recurrence_interval=50, do_not_run_after=160), [100, 150]),
    ],
)
def test_the_next_runs_are_those_that_there_will_be(rules: ScheduleRules, runs: list[int]) -> None:
    assert coming(rules, 100, 3) == runs


async def test_schedules_are_listed_and_lead_to_their_next_runs(operator: Browser) -> None:
    await operator.api.add_pool("pool")
    assert "No job schedules yet" in await operator.page(PAGE)
    later = {"recurrenceInterval": "P1D", "doNotRunUntil": "2100-01-01T05:00:00Z"}
    await add(operator, displayName=HOSTILE, schedule=later, metadata=[{"name": "a", "value": HOSTILE}])
    page = await operator.page(PAGE)
    assert "<script>alert" not in page
    assert 'datetime="2100-01-01T05:00:00Z"' in page
    assert "No schedule like that" in await operator.page(f"{PAGE}?q=state:disabled")
    page = await operator.page(f"{PAGE}/night")
    assert "<script>alert" not in page
    found = re.findall(r'<li><time datetime="([^"]+)"', page)
    assert found == [f"2100-01-0{day}T05:00:00Z" for day in range(1, 6)]
    assert "Why it makes no job now" in page
    assert (await operator.get(f"{PAGE}/none")).status == 404


async def test_a_schedule_is_disabled_enabled_terminated_and_deleted(operator: Browser) -> None:
    await operator.api.add_pool("pool")
    await add(operator)
    await operator.post(f"{PAGE}/night/disable")
    page = await operator.page(f"{PAGE}/night")
    assert "makes no jobs from now on" in page
    assert "It would run" in page
    await operator.post(f"{PAGE}/night/enable")
    page = await operator.page(f"{PAGE}/night")
    assert '/night/disable"' in page
    assert '/night/enable"' not in page
    await operator.post(f"{PAGE}/night/terminate")
    page = await operator.page(f"{PAGE}/night")
    assert '<span class="chip waiting">terminating</span>' in page
    assert (await operator.post(f"{PAGE}/night/enable")).status == 409
    await operator.post(f"{PAGE}/night/delete")
    assert "is being deleted" in await operator.page(PAGE)


async def test_its_jobs_are_listed_with_their_tasks(operator: Browser) -> None:
    await operator.api.add_pool("pool")
    await add(operator)
    await operator.api.add_job("night-1", "pool")
    await operator.api.update(schema.jobs, schedule_no=1)
    page = await operator.page(f"{PAGE}/night")
    assert '<tr id="job-night-1">' in page
    assert "None like that" in await operator.page(f"{PAGE}/night?q=state:completed")
