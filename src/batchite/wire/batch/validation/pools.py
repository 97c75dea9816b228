"""Pools to add."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from batchite.wire.batch import honoured, images, vm_sizes
from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.models.enums import BatchJobDefaultOrder, BatchNodeFillType
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, BatchTaskSchedulingPolicy
from batchite.wire.batch.validation import rules, start_tasks
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.ticks import Duration

MAX_SLOTS_PER_NODE = 256
SLOTS_PER_CORE = 4
RESIZE_TIMEOUT = Duration.of(minutes=15)
LEAST_RESIZE_TIMEOUT = Duration.of(minutes=5)

_MOST_NODES = 2**31 - 1
_MACHINE = "virtualMachineConfiguration"


def accept(options: BatchPoolCreateOptions) -> BatchPoolCreateOptions:
    """The pool with its defaults, or a BatchError. Its `vm_size` is one that `vm_sizes.find` knows."""
    options = without_nulls(options)
    _check(options)
    honoured.check(options)
    machine = options.virtual_machine_configuration
    if not machine:
        raise missing_property(_MACHINE)
    return replace(
        options,
        virtual_machine_configuration=_accept_machine(machine),
        resize_timeout=options.resize_timeout or RESIZE_TIMEOUT,
        target_dedicated_nodes=options.target_dedicated_nodes or 0,
        target_low_priority_nodes=options.target_low_priority_nodes or 0,
        enable_auto_scale=False,
        enable_inter_node_communication=options.enable_inter_node_communication or False,
        start_task=start_tasks.accept(options.start_task) if options.start_task else UNSET,
        task_slots_per_node=options.task_slots_per_node or 1,
        task_scheduling_policy=_policy(options.task_scheduling_policy),
    )


def _check(options: BatchPoolCreateOptions) -> None:
    rules.check_id("id", options.id)
    rules.check_display_name("displayName", options.display_name)
    rules.check_range("targetDedicatedNodes", options.target_dedicated_nodes, 0, _MOST_NODES)
    rules.check_range("targetLowPriorityNodes", options.target_low_priority_nodes, 0, _MOST_NODES)
    rules.check_duration("resizeTimeout", options.resize_timeout, LEAST_RESIZE_TIMEOUT)
    rules.check_metadata("metadata", options.metadata)
    size = vm_sizes.find(options.vm_size)
    if size is None:
        raise invalid_property("vmSize", options.vm_size, "must be a size such as Standard_D2s_v3")
    most = min(SLOTS_PER_CORE * size.cores, MAX_SLOTS_PER_NODE)
    rules.check_range("taskSlotsPerNode", options.task_slots_per_node, 1, most)


def _accept_machine(machine: VirtualMachineConfiguration) -> VirtualMachineConfiguration:
    image = machine.image_reference
    agent = images.agent_for(image)
    if agent is None:
        rule = "must be an image of GET /supportedimages"
        raise invalid_property(f"{_MACHINE}.imageReference", _spell(image), rule)
    if machine.node_agent_sku_id.lower() != agent:
        name = f"{_MACHINE}.nodeAgentSKUId"
        raise invalid_property(name, machine.node_agent_sku_id, f"must be {agent} for this image")
    return replace(machine, image_reference=replace(image, version=image.version or "latest"))


def _spell(image: BatchVmImageReference) -> str:
    parts = (image.publisher, image.offer, image.sku)
    return " ".join(part if isinstance(part, str) else "?" for part in parts)


def _policy(given: Maybe[BatchTaskSchedulingPolicy]) -> BatchTaskSchedulingPolicy:
    return BatchTaskSchedulingPolicy(
        job_default_order=(given and given.job_default_order) or BatchJobDefaultOrder.NONE,
        node_fill_type=(given and given.node_fill_type) or BatchNodeFillType.SPREAD,
    )
