"""A priority of tasks among those of their job, which is ours: the value of an environment variable that an
operator has named for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.common import EnvironmentSetting
from batchite.wire.batch.models.fields import Maybe

MOST: Final = 1000
"""As of jobs, and less than none down to -1000."""
USUAL: Final = 0
_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")


def accept(where: str, settings: Maybe[Sequence[EnvironmentSetting]], variable: str) -> int:
    """That of a task with these environment settings, by the last that gives the variable, as on its node.
    Raises BatchError."""
    priority = USUAL
    for index, setting in enumerate(settings or ()) if variable else ():
        if setting.name == variable:
            priority = _number(f"{where}[{index}].value", setting.value or "")
    return priority


def _number(where: str, text: str) -> int:
    if _NUMBER.fullmatch(text) and abs(number := int(text)) <= MOST:
        return number
    rule = f"must be a whole number from -{MOST} to {MOST}, since it is the task's priority here"
    raise invalid_property(where, text, rule)
