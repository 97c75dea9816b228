"""Other sizes for pools, and nodes that are to leave them."""

from __future__ import annotations

from msgspec.structs import replace

from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.models.enums import BatchNodeDeallocationOption
from batchite.wire.batch.models.pools import BatchNodeRemoveOptions, BatchPoolResizeOptions
from batchite.wire.batch.validation import rules
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.batch.validation.pools import LEAST_RESIZE_TIMEOUT, MOST_NODES, RESIZE_TIMEOUT

MOST_REMOVED = 100
"""Nodes of one request."""


def accept_resize(options: BatchPoolResizeOptions) -> BatchPoolResizeOptions:
    """What is asked for, with its defaults, or a BatchError. A target that is not given stays as it is."""
    options = without_nulls(options)
    dedicated, low_priority = options.target_dedicated_nodes, options.target_low_priority_nodes
    if not isinstance(dedicated, int) and not isinstance(low_priority, int):
        raise missing_property("targetDedicatedNodes")
    rules.check_range("targetDedicatedNodes", dedicated, 0, MOST_NODES)
    rules.check_range("targetLowPriorityNodes", low_priority, 0, MOST_NODES)
    rules.check_duration("resizeTimeout", options.resize_timeout, LEAST_RESIZE_TIMEOUT)
    return replace(
        options,
        resize_timeout=options.resize_timeout or RESIZE_TIMEOUT,
        node_deallocation_option=options.node_deallocation_option or BatchNodeDeallocationOption.REQUEUE,
    )


def accept_removal(options: BatchNodeRemoveOptions) -> BatchNodeRemoveOptions:
    """What is asked for, with its defaults and each node once, or a BatchError."""
    options = without_nulls(options)
    given = options.node_list
    if not 1 <= len(given) <= MOST_REMOVED:
        raise invalid_property("nodeList", f"{len(given)} ids", f"must have 1 to {MOST_REMOVED} ids of nodes")
    rules.check_duration("resizeTimeout", options.resize_timeout, LEAST_RESIZE_TIMEOUT)
    return replace(
        options,
        node_list=tuple(dict.fromkeys(given)),
        resize_timeout=options.resize_timeout or RESIZE_TIMEOUT,
        node_deallocation_option=options.node_deallocation_option or BatchNodeDeallocationOption.REQUEUE,
    )
