"""What is said at once of tasks that can never run, or hardly as they were meant."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from azure.batch.models import (
    BatchJobCreateOptions,
    BatchPoolInfo,
    BatchTaskCreateOptions,
    BatchTaskDependencies,
    BatchTaskIdRange,
)
from tests.batch.service import Answer, Api

from batchite.resources.forewarned import HEADER
from batchite.store.batch import circles
from batchite.store.batch.circles import STEPS

NO_SHELL = "echo $HOME > out.txt"


async def add_all(api: Api, *tasks: dict[str, object]) -> Answer:
    given = [{"commandLine": "true", **task} for task in tasks]
    answer = await api.post("/jobs/job/addtaskcollection", {"value": given})
    assert {one["status"] for one in answer.json["value"]} <= {"success", "clienterror"}
    return answer


async def test_nothing_is_said_of_ordinary_tasks(api: Api) -> None:
    await api.add_pool(taskSlotsPerNode=4)
    await api.add_job()
    assert HEADER not in (await api.add_task("a", requiredSlots=4)).headers
    assert HEADER not in (await add_all(api, {"id": "b"}, {"id": "c", "requiredSlots": 2})).headers


async def test_a_command_that_needs_a_shell(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    await api.add_job()
    await api.add_job("other")
    answer = await api.add_task("a", commandLine=NO_SHELL)
    assert (answer.status, answer.headers[HEADER]) == (201, "CommandNeedsShell=a")
    again = ({"id": name, "commandLine": NO_SHELL} for name in ("a", "b"))
    answer = await add_all(api, *again)
    assert answer.headers[HEADER] == "CommandNeedsShell=b", "the other one was there already"
    await api.add_task("c", "other", commandLine=NO_SHELL)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [(text.split()[1], text.partition("such as ")[2][0]) for text in said] == [
        ("job", "a"),
        ("other", "c"),
    ]
    assert "use what a shell would replace, without a shell" in said[0]


async def test_more_slots_than_any_node_has(api: Api) -> None:
    await api.add_job()
    assert HEADER not in (await api.add_task("early", requiredSlots=9)).headers, "the pool may come later"
    await api.add_pool(taskSlotsPerNode=4)
    answer = await add_all(api, {"id": "a", "requiredSlots": 5}, {"id": "b", "requiredSlots": 4}, {"id": "c"})
    assert answer.headers[HEADER] == "NodeTooSmall=a"


async def test_a_dependency_on_itself_and_a_circle(api: Api) -> None:
    await api.add_job(usesTaskDependencies=True)
    answer = await api.add_task("own", dependsOn={"taskIds": ["OWN"]})
    assert answer.headers[HEADER] == "DependencyOnItself=own"
    assert HEADER not in (await api.add_task("a", dependsOn={"taskIds": ["b"]})).headers
    assert HEADER not in (await api.add_task("b", dependsOn={"taskIds": ["x", "c"]})).headers
    answer = await api.add_task("C", dependsOn={"taskIds": ["a", "x"]})
    assert answer.headers[HEADER] == "DependencyCircle=C"
    answer = await add_all(
        api,
        {"id": "d", "dependsOn": {"taskIds": ["e"]}},
        {"id": "e", "dependsOn": {"taskIds": ["d"]}},
        {"id": "f", "dependsOn": {"taskIds": ["e"]}},
    )
    assert answer.headers[HEADER] == "DependencyCircle=d,e"
    found = await api.database.read(lambda c: circles.circle(c, 1, "c"))
    assert found == ("C", "a", "b")
    assert await api.database.read(lambda c: circles.circle(c, 1, "f")) == (), "it only waits for one"


def in_range(first: int, last: int, *ids: str) -> dict[str, object]:
    return {"taskIds": ids, "taskIdRanges": [{"start": first, "end": last}]}


async def test_a_dependency_on_itself_and_a_circle_by_ranges(api: Api) -> None:
    await api.add_job(usesTaskDependencies=True)
    answer = await api.add_task("05", dependsOn=in_range(-(2**31), 2**31 - 1))
    assert answer.headers[HEADER] == "DependencyOnItself=05"
    assert HEADER not in (await api.add_task("join", dependsOn=in_range(10, 20))).headers
    assert HEADER not in (await api.add_task("11", dependsOn=in_range(30, 40, "x"))).headers
    answer = await api.add_task("12", dependsOn={"taskIds": ["join"]})
    assert answer.headers[HEADER] == "DependencyCircle=12"
    added = [{"id": str(number), "dependsOn": in_range(11, 11)} for number in range(30, 34)]
    assert (await add_all(api, *added)).headers[HEADER] == "DependencyCircle=30,31,32,33"
    behind = await add_all(api, {"id": "41", "dependsOn": in_range(30, 40)}, {"id": "42"})
    assert HEADER not in behind.headers
    again = await api.add_task("5", dependsOn=in_range(1, 9))
    assert HEADER not in again.headers, "05 is another that may satisfy what waits for 5"


async def test_ranges_of_the_sdk_lead_back_and_an_explanation_says_how(api: Api) -> None:
    def program() -> list[str]:
        seen: list[str] = []

        def note(response: Any) -> None:
            seen.append(response.http_response.headers.get(HEADER, ""))

        with api.client() as client:
            client.create_job(
                BatchJobCreateOptions(
                    id="job", pool_info=BatchPoolInfo(pool_id="pool"), uses_task_dependencies=True
                )
            )
            for own, (start, end) in ((1, (2, 2)), (2, (3, 5)), (3, (1, 1)), (4, (4, 9))):
                ranges = BatchTaskDependencies(task_id_ranges=[BatchTaskIdRange(start=start, end=end)])
                task = BatchTaskCreateOptions(id=str(own), command_line="true", depends_on=ranges)
                client.create_task("job", task, raw_response_hook=note)
        return seen

    told = await asyncio.to_thread(program)
    assert told == ["", "", "DependencyCircle=3", "DependencyOnItself=4"]
    reasons = [(await api.get(f"/-/explain/jobs/job/tasks/{one}")).json["reasons"] for one in (1, 4)]
    assert (reasons[0][0]["code"], reasons[0][0]["tasks"]) == ("DependencyCircle", "1, 2, 3, 1")
    assert [(one["code"], one["range"]) for one in reasons[1]] == [
        ("DependencyOnItself", "4 to 9"),
        ("DependencyMissing", "4 to 9"),
    ]


async def test_a_circle_is_looked_for_no_further(api: Api) -> None:
    """What is not found is not said, and costs no more."""
    await api.add_job(usesTaskDependencies=True)
    for length in (STEPS, STEPS + 1):
        names = [f"l{length}-{number}" for number in range(length)]
        after = [*names[1:], names[0]]
        for name, other in list(zip(names, after, strict=True))[1:]:
            await api.add_task(name, dependsOn={"taskIds": [other]})
        answer = await api.add_task(names[0], dependsOn={"taskIds": [after[0]]})
        assert (HEADER in answer.headers) == (length == STEPS)
