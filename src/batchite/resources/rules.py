"""What scheduling may know of definitions, all of it: made and encoded once, when a definition is stored.

A new rule has a default that says what was so far; it is left out where it says nothing else. Times are
ticks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec


class Rules(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`gc=False`: values without cycles need no tracking."""


class StartTaskRules(Rules, frozen=True):
    """Of a pool's start task; `definition` is its JSON."""

    definition: bytes
    wait_for_success: bool = True
    max_retries: int = 0
    """negative: without end"""


class PoolRules(Rules, frozen=True):
    slots_per_node: int = 1
    fill: Literal["spread", "pack"] = "spread"
    oldest_job_first: bool = False
    start_task: StartTaskRules | None = None


class JobRules(Rules, frozen=True):
    priority: int = 0
    max_parallel_tasks: int = -1
    """negative: any number"""
    max_wall_clock_time: int | None = None
    terminates_when_done: bool = False
    max_task_retries: int = 0
    """what tasks get that do not say it themselves"""
    common_environment: bytes = b""
    """JSON of `commonEnvironmentSettings`, empty if there are none"""


class TaskRules(Rules, frozen=True):
    max_retries: int = 0
    """negative: without end"""


R = TypeVar("R", bound=Rules)

PLAIN = TaskRules()
"""Of most tasks; they are stored without."""


def encode(rules: Rules) -> bytes:
    return _encoder.encode(rules)


def stored(text: bytes | None, type_: type[R], derived: Callable[[], R]) -> R:
    """The rules as they are stored; a row that is older than they are has none, and they are derived."""
    return derived() if text is None else msgspec.msgpack.decode(text, type=type_)


@lru_cache(maxsize=1024)
def of_task(text: bytes | None) -> TaskRules:
    """The rules of a stored task; many share theirs."""
    return PLAIN if text is None else msgspec.msgpack.decode(text, type=TaskRules)


_encoder = msgspec.msgpack.Encoder()
