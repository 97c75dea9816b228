"""What is searched for among the tasks of a job, as plain values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from batchite.resources.states import CountedState

By: TypeAlias = Literal["state", "id", "node", "exit", "retries", "cause"]
BY: tuple[By, ...] = get_args(By)
STATES = (*get_args(CountedState), "completed")
"""What a task can be searched by as its state: completed ones are those that succeeded and those that
failed."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text without regard to case, or the beginning of one."""

    text: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """Tasks that have one of these values, or none of them."""

    by: By
    values: tuple[Pattern, ...]
    is_excluded: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(value.text for value in self.values)


@dataclass(frozen=True, slots=True)
class TaskSearch:
    """Tasks for which every term holds."""

    terms: tuple[Term, ...] = ()

    def included(self, by: By) -> Term | None:
        """The first term that asks for some of these values."""
        return next((term for term in self.terms if term.by == by and not term.is_excluded), None)


def counted(states: Collection[str]) -> tuple[CountedState, ...]:
    """The states in which the tasks are counted that are searched for by these."""
    wanted = {*states, *(("succeeded", "failed") if "completed" in states else ())}
    return tuple(state for state in get_args(CountedState) if state in wanted)
