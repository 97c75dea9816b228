"""What the kernel says that a process has used which was waited for."""

from __future__ import annotations

import resource  # at once: wait4 would import it, perhaps where it cannot be found any more

from batchite.wire.batch.outcome import Used
from batchite.wire.ticks import TICKS_PER_SECOND

_KIB = 1024


def used(told: resource.struct_rusage) -> Used:
    """The process with those that it waited for itself."""
    return Used(
        int(told.ru_utime * TICKS_PER_SECOND),
        int(told.ru_stime * TICKS_PER_SECOND),
        told.ru_inblock,
        told.ru_oublock,
        told.ru_maxrss * _KIB,
    )
