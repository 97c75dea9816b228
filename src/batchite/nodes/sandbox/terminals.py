"""Commands with a terminal of their own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any


def actions(terminal: int) -> Sequence[tuple[Any, ...]]:
    """For a process that is born into a session of its own: a terminal that such a process opens becomes the
    session's, which one that it inherits does not. It is reached by its descriptor, whatever it is called."""
    return (
        (os.POSIX_SPAWN_OPEN, 0, f"/proc/self/fd/{terminal}", os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, 0, 1),
        (os.POSIX_SPAWN_DUP2, 0, 2),
    )
