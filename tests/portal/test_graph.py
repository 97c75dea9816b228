"""The drawing of dependencies: who stands where, what is joined, what waits in a circle."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.portal.hostile_texts import HOSTILE
from tests.portal.service import Browser

from batchite.portal.jobs import circles, dependencies, graph
from batchite.resources.graph import GraphTask, Range


def task(
    name: str, *keys: str, ranges: tuple[Range, ...] = (), state: str = "active", is_blocked: bool = True
) -> GraphTask:
    number = int(name) if name.isdigit() else None
    return GraphTask(name, name, state, number, keys, ranges, is_blocked and bool(keys or ranges))


def columns(found: graph.Graph) -> dict[str, int]:
    return {box.text: (box.x - graph.MARGIN) // graph.STEP for box in found.boxes if box.kind == "task"}


def test_a_task_stands_behind_the_longest_way_to_it() -> None:
    found = graph.of([task("d", "a", "c"), task("a"), task("b", "a"), task("c", "b"), task("alone")])
    assert columns(found) == {"a": 0, "b": 1, "c": 2, "d": 3, "alone": 0}
    assert len(found.lines) == 4


def test_those_that_wait_for_the_same_are_joined_by_a_point() -> None:
    first = [task(str(number)) for number in range(1, 11)]
    then = [task(f"t{number}", ranges=((1, 10),)) for number in range(10)]
    found = graph.of([*first, *then])
    assert [box.kind for box in found.boxes].count("joint") == 1
    assert len(found.lines) == 20


def test_what_is_not_there_yet_is_seen() -> None:
    found = graph.of([task("1"), task("3"), task("t", "later", ranges=((1, 4),))])
    assert sorted(box.text for box in found.boxes if box.kind == "missing") == ["2 of 1–4", "later"]


def test_a_wide_range_costs_no_more_than_what_is_there() -> None:
    found = graph.of([task("7"), task("t", ranges=((0, 2**31 - 1),))])
    assert [box.text for box in found.boxes if box.kind == "missing"] == [f"{2**31 - 1} of 0–{2**31 - 1}"]


def test_circles_are_told_and_drawn_all_the_same() -> None:
    found = graph.of([task("a", "b"), task("b", "a"), task("self", "self"), task("free")])
    assert found.in_circle == ["a", "b", "self"]
    assert len(found.boxes) == 4


def test_circles_are_told_by_ranges_as_well_but_not_what_waits_for_them() -> None:
    first = [task(str(number), ranges=((11, 20),)) for number in range(1, 11)]
    then = [task(str(number), ranges=((1, 10),)) for number in range(11, 21)]
    behind, further = task("behind", ranges=((5, 6),)), task("further", "behind")
    found = graph.of([*first, *then, behind, further])
    assert sorted(found.in_circle, key=int) == [str(number) for number in range(1, 21)]
    assert graph.levels([*first, *then, behind, further, task("free")])[1] == 22


def test_what_may_yet_go_on_is_in_no_circle() -> None:
    """Somebody has ended one of them, or another task has the number that is waited for."""
    ended = task("a", "b", state="failed", is_blocked=False)
    assert graph.of([ended, task("b", "a")]).in_circle == []
    groups, in_circle = graph.levels([ended, task("b", "a"), task("c", "b")])
    assert (sum(group.tasks for group in groups), in_circle) == (3, 0)
    assert graph.of([task("4", "t"), task("04"), task("t", ranges=((4, 4),))]).in_circle == []


@given(st.lists(st.lists(st.integers(0, 7), max_size=3), max_size=8))
def test_in_a_circle_is_who_comes_back_to_itself(ahead: list[list[int]]) -> None:
    ahead = [[one for one in others if one < len(ahead)] for others in ahead]
    come_to = [set(others) for others in ahead]
    for _ in ahead:
        come_to = [{*one, *(further for each in one for further in come_to[each])} for one in come_to]
    assert circles.members(ahead) == {one for one, others in enumerate(come_to) if one in others}


def test_many_tasks_are_told_by_how_far_they_are() -> None:
    tasks = [
        task(f"{chain}.{place}", *([f"{chain}.{place - 1}"] if place else []))
        for chain in range(300)
        for place in range(5)
    ]
    groups, in_circle = graph.levels(tasks)
    assert [(group.level, group.tasks, group.states) for group in groups] == [
        (level, 300, {"active": 300}) for level in range(5)
    ]
    assert in_circle == 0


@given(st.lists(st.lists(st.integers(0, 12), max_size=4), min_size=1, max_size=12))
def test_nobody_stands_on_anybody_and_lines_go_on(parents: list[list[int]]) -> None:
    tasks = [task(f"t{place}", *(f"t{each}" for each in of)) for place, of in enumerate(parents)]
    found = graph.of(tasks)
    places = {(box.x, box.y) for box in found.boxes}
    assert len(places) == len(found.boxes)
    assert all(0 <= box.x <= found.width and 0 <= box.y <= found.height for box in found.boxes)
    depths = columns(found)
    stuck = set(found.in_circle)
    for _ in parents:
        stuck |= {f"t{place}" for place, of in enumerate(parents) if stuck & {f"t{each}" for each in of}}
    for place, of in enumerate(parents):
        for each in of:
            if each < len(parents) and f"t{place}" not in stuck:
                assert depths[f"t{each}"] < depths[f"t{place}"]


# -- the page

PAGE = "/batch/devbatch/jobs/job/graph"


async def waits(operator: Browser, task_id: str, **depends_on: object) -> None:
    await operator.api.add_task(task_id, dependsOn=depends_on)


async def test_few_tasks_are_drawn_and_lead_to_their_pages(operator: Browser) -> None:
    await operator.api.add_pool()
    await operator.api.add_job(usesTaskDependencies=True)
    assert "No tasks yet" in await operator.page(PAGE)
    await operator.api.add_task("1")
    await operator.api.update_task("1", state="completed", result="failure", ended=5)
    await waits(operator, "t", taskIds=["LATER"], taskIdRanges=[{"start": 1, "end": 3}])
    await waits(operator, "self", taskIds=["SELF"])
    page = await operator.page(PAGE)
    assert page.count("<rect class=") == 5
    assert "2 of 1–3: not added yet" in page
    assert "<title>1: failed</title>" in page
    assert '/jobs/job/tasks/t">' in page
    assert "so they can never start" in page


async def test_many_are_told_by_steps(operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MOST_TASKS", 3)
    await operator.api.add_pool()
    await operator.api.add_job(usesTaskDependencies=True)
    for name in ("a", "b", "c"):
        await operator.api.add_task(name)
    await waits(operator, "d", taskIds=["a", "b"])
    page = await operator.page(PAGE)
    assert "<svg width" not in page
    assert 'id="group-1"' in page
    monkeypatch.setattr(dependencies, "MOST_READ", 3)
    monkeypatch.setattr(graph, "MOST_PARENTS", 0)
    monkeypatch.setattr(graph, "MOST_TASKS", 2)
    assert "The first 3 tasks" in await operator.page(PAGE)


async def test_too_many_lines_are_not_drawn_and_strange_names_do_nothing(
    operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await operator.api.add_pool()
    await operator.api.add_job(usesTaskDependencies=True)
    await waits(operator, "t", taskIds=["a"])
    stored = json.dumps({"id": "t", "commandLine": "true", "dependsOn": {"taskIds": [HOSTILE]}})
    await operator.api.update_task("t", definition=stored.encode())
    assert "<script>alert" not in await operator.page(PAGE)
    monkeypatch.setattr(graph, "MOST_PARENTS", 0)
    assert "Too tangled" in await operator.page(PAGE)
