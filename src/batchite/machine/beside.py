"""A process beside this one, that goes on when this one has become another program."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NoReturn


def start(run: Callable[[], None], keep: Iterable[int]) -> None:
    """Have `run` called in a process of its own, which is nobody's child and in a session of its own: so
    neither a terminal's signals reach it, nor does the program wait for it. Raises OSError.

    It has standard error, where what it raises is printed, and the descriptors `keep`, and nothing else that
    is open here.
    """
    kept = {2, *keep}
    child = os.fork()
    if child == 0:
        _in_between(run, kept)
    os.waitpid(child, 0)


def _in_between(run: Callable[[], None], kept: set[int]) -> NoReturn:
    """Make the process and end, so that it has no parent here."""
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            _close_all_but(kept)
            run()
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in kept:
            with suppress(OSError):
                os.close(descriptor)
    os.open(os.devnull, os.O_RDWR)  # what is lowest: 0, then 1
    os.open(os.devnull, os.O_RDWR)
