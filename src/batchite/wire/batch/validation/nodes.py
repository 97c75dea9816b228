"""What nodes are told."""

from __future__ import annotations

from typing import Literal, cast

from batchite.wire.batch.models.nodes import (
    BatchNodeDeallocateOptions,
    BatchNodeDisableSchedulingOptions,
    BatchNodeRebootOptions,
    BatchNodeReimageOptions,
)

Option = Literal["requeue", "terminate", "taskcompletion", "retaineddata"]
Options = (
    BatchNodeRebootOptions
    | BatchNodeReimageOptions
    | BatchNodeDeallocateOptions
    | BatchNodeDisableSchedulingOptions
)


def option(options: Options | None) -> Option:
    """What becomes of the node's tasks: as the only property says, or the default."""
    given = None if options is None else getattr(options, options.__struct_fields__[0])
    return cast(Option, given.value) if given else "requeue"
