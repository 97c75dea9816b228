"""Requests that belong together: something is made, much happens to it, and it goes.

By themselves requests meet mostly what is missing, or over; here one finds what was just made, in whatever
state others have left it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.fuzz import batch, blob, portal
from tests.fuzz.batch import Known, Own
from tests.fuzz.request import Request
from tests.fuzz.values import CALM, Dice

RATE = 0.08
"""How often a number is a story."""
PORTAL_RATE = 0.06
"""How often another one is for the portal."""
Step = tuple[Dice, Request]


_PACKAGE = "/-/applications/{applicationId}/packages/{version}"
_TASKS = ("one", "two", "three")


@dataclass(frozen=True)
class Kind:
    """What `parameter` of paths names; operations of the protocol or endpoints of ours make it and end it.
    `weight`: how often it is told of."""

    parameter: str
    made: tuple[str, ...]
    ended: tuple[str, ...]
    weight: int

    @property
    def about(self) -> list[str]:
        """All that can be asked of it, and of what is within."""
        known = {**batch.BY_NAME, **batch.OURS}
        names = [f"{{{self.parameter}}}", *(["{jobId}"] if self.parameter == "jobScheduleId" else [])]
        return [name for name, entry in known.items() if any(one in entry.path for one in names)]


KINDS = (
    Kind("poolId", ("Pool_Add",), ("Pool_Delete",), 2),
    Kind(
        "jobId",
        ("Job_Add", "Task_AddCollection", "Task_Add", "Task_Add"),
        ("Job_Terminate", "Job_Delete"),
        5,
    ),
    Kind("jobScheduleId", ("JobSchedule_Add",), ("JobSchedule_Terminate", "JobSchedule_Delete"), 2),
    Kind(
        "applicationId",
        (f"PUT {_PACKAGE}",),
        (f"DELETE {_PACKAGE}", "DELETE /-/applications/{applicationId}"),
        1,
    ),
    Kind("certificate", ("Certificate_Add",), ("Certificate_Delete",), 1),
)


def steps(seed: str, account: str) -> Iterator[Step]:
    """One request, or those of a story; `account` is that of the blobs."""
    dice = Dice(seed)
    if dice.random() < RATE:
        yield from _story(dice, seed)
    elif dice.random() < PORTAL_RATE:
        yield dice, portal.request(dice)
    else:
        yield dice, batch.request(dice) if dice.random() < 0.5 else blob.request(dice, account)


def _story(dice: Dice, seed: str) -> Iterator[Step]:
    (kind,) = dice.choices(KINDS, [each.weight for each in KINDS])
    known, own = _names(kind, f"{dice.choice('sS-')}{dice.randrange(10**9)}")
    middle = dice.choices(kind.about, k=dice.randrange(1, 12))
    for place, name in enumerate((*kind.made, *middle, *kind.ended)):
        is_frame = not len(kind.made) <= place < len(kind.made) + len(middle)
        step = Dice(f"{seed}:{place}", calm=0.9 if is_frame else CALM)
        if name in batch.OURS:
            yield step, batch.ours(step, name, known)
        else:
            yield step, batch.asked(step, batch.BY_NAME[name], known, own.get(name))


def _names(kind: Kind, name: str) -> tuple[Known, Mapping[str, Own]]:
    """Of paths, and of the bodies that make it."""
    known = {**batch.KNOWN, "taskId": _TASKS}
    if kind.parameter != "certificate":
        known[kind.parameter] = (name,)
    if kind.parameter == "jobScheduleId":
        known["jobId"] = (f"{name}:job-1",)
    own = {made: {"id": (name,)} for made in kind.made}
    tasks = {made: {"id": _TASKS} for made in ("Task_Add", "Task_AddCollection")}
    pool = {"id": (name,), "targetDedicatedNodes": (0, 0, 0, 1)}
    return known, {**own, **tasks, "Pool_Add": pool}
