"""Waiting until something is as a command was asked to have it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.1
"""Between two looks."""


def until(look: Callable[[], T], is_done: Callable[[T], bool]) -> T:
    """What is seen once that is done."""
    while not is_done(found := look()):
        time.sleep(LOOK_SECONDS)
    return found
