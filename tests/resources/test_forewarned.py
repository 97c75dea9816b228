"""What is said of tasks that can never run, or hardly as they were meant."""

from __future__ import annotations

from typing import Any

from batchite.resources import forewarned
from batchite.wire.batch.models.task_rules import BatchTaskDependencies
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions


def task(name: str, command_line: str = "true", **given: Any) -> BatchTaskCreateOptions:
    return BatchTaskCreateOptions(id=name, command_line=command_line, **given)


def test_plain_tasks_are_not_looked_at() -> None:
    assert forewarned.looks([task("a"), task("b", "run 'x' y", required_slots=1)]) is None
    assert forewarned.looks([]) is None


def test_what_is_worth_a_look() -> None:
    of = BatchTaskDependencies(task_ids=("a",))
    found = forewarned.looks(
        [
            task("a"),
            task("shell", "echo $X"),
            task("fine", "/bin/sh -c 'echo $X'"),
            task("large", required_slots=3),
            task("after", depends_on=of),
        ]
    )
    assert found is not None
    assert found.shell == ["shell"]
    assert [one.id for one in found.large] == ["large"]
    assert [one.id for one in found.dependent] == ["after"]
    assert (forewarned.too_large(found.large, 2), forewarned.too_large(found.large, 3)) == (["large"], [])


def test_the_header_is_short_whatever_there_is_to_say() -> None:
    assert forewarned.header({}) == ""
    said = forewarned.header({"CommandNeedsShell": ["t2"], "NodeTooSmall": ["t1", "t2"]})
    assert said == "NodeTooSmall=t1,t2;CommandNeedsShell=t2"
    ids = [f"{number:064}" for number in range(100)]
    for codes in range(1, len(forewarned.CODES) + 1):
        said = forewarned.header(dict.fromkeys(forewarned.CODES[:codes], ids))
        assert len(said) <= forewarned.LONGEST
        for part in said.split(";"):
            _, _, told = part.partition("=")
            *names, left = told.split(",")
            assert len(names) + int(left) == len(ids)
            assert names
