"""Every reason there is: a situation in which the service gives it, and its words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.batch.explaining.scenarios import jobs, nodes, pools, schedules, tasks
from tests.batch.service import Api

from batchite.batch.explaining.catalogue import CATALOGUE, sentence
from batchite.scheduling import reasons
from batchite.scheduling.explaining import Finding
from batchite.scheduling.reasons import Reason

GROUPS = [group.SCENARIOS for group in (pools, nodes, jobs, schedules, tasks)]
SCENARIOS = dict(scenario for group in GROUPS for scenario in group.items())


def test_every_reason_has_words_and_all_words_have_a_reason() -> None:
    assert set(CATALOGUE) == set(reasons.kinds()) == set(SCENARIOS)
    assert len(SCENARIOS) == sum(map(len, GROUPS))


@pytest.mark.parametrize("kind", reasons.kinds(), ids=lambda kind: kind.__name__)
async def test_the_service_gives_the_reason(api: Api, kind: type[Reason]) -> None:
    target = await SCENARIOS[kind](api)
    answer = await api.get(f"/-/explain{target}")
    assert answer.status == 200
    given = {reason["code"]: reason for reason in answer.json["reasons"]}
    assert kind.__name__ in given
    reason = given[kind.__name__]
    facts = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert facts <= set(reason)
    assert reason["sentence"].endswith(".")
    assert "{" not in reason["sentence"] + reason["nextStep"]
    assert reason["nextStep"]
    first = answer.json["reasons"][0]
    assert (answer.json["sentence"], answer.json["nextStep"]) == (first["sentence"], first["nextStep"])
    assert [one["blocking"] for one in answer.json["reasons"]] == sorted(
        (one["blocking"] for one in answer.json["reasons"]), reverse=True
    )


@pytest.mark.parametrize(
    ("reason", "nodes", "said"),
    [
        (reasons.NodeCreating(), 0, "The node is still to be started."),
        (reasons.NodeCreating(), 1, "1 node is still to be started."),
        (
            reasons.NodeStartTaskFailed(3),
            37,
            "37 nodes are unusable: the start task failed with exit code 3.",
        ),
        (
            reasons.NodeStartTaskFailed(None, "No image."),
            0,
            "The node is unusable: the start task failed. No image.",
        ),
        (
            reasons.ParallelTasksReached(1),
            0,
            "The job may have 1 task on nodes at a time (its maxParallelTasks), and has them.",
        ),
        (
            reasons.NodeStartFails("{bad} %s"),
            0,
            "The node is not started yet, since that failed. {bad} %s.",
        ),
        (reasons.TaskCompleted("success", 0), 0, "The task is over: success, exit code 0."),
    ],
)
def test_sentences(reason: Any, nodes: int, said: str) -> None:
    assert sentence(Finding(reason, True, nodes)) == said
