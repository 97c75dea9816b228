"""Pools to add and to change, and specifications of pools that come with jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import asdict, replace

from batchite.wire.batch import honoured, vm_sizes
from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.models.enums import BatchJobDefaultOrder, BatchNodeFillType
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.pools import (
    BatchCertificateReference,
    BatchPoolCreateOptions,
    BatchPoolReplaceOptions,
    BatchPoolUpdateOptions,
    BatchTaskSchedulingPolicy,
    PoolChangeShape,
    PoolShape,
    PoolUpgradeOSParameter,
)
from batchite.wire.batch.validation import (
    applications,
    autoscaling,
    machines,
    networks,
    rules,
    start_tasks,
    users,
)
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.ticks import Duration

MAX_SLOTS_PER_NODE = 256
SLOTS_PER_CORE = 4
RESIZE_TIMEOUT = Duration.of(minutes=15)
LEAST_RESIZE_TIMEOUT = Duration.of(minutes=5)

P = TypeVar("P", bound=PoolShape)

MOST_NODES = 2**31 - 1
_MACHINE = "virtualMachineConfiguration"
_NETWORK = "networkConfiguration"


def accept(
    options: BatchPoolCreateOptions, least_interval: Duration = autoscaling.LEAST_INTERVAL
) -> BatchPoolCreateOptions:
    """The pool with its defaults, or a BatchError. Its `vm_size` is one that `vm_sizes.find` knows.
    `least_interval` has to lie between evaluations of its autoscale formula."""
    options = without_nulls(options)
    rules.check_id("id", options.id)
    users.check_passwords("userAccounts", options.user_accounts)
    check(options)
    autoscaling.check(options, least=least_interval)
    honoured.check(options)
    return complete(options)


def check(pool: PoolShape, where: str = "") -> None:
    """Refuse values that no pool has. `pool` is without nulls; `where` goes before the names in errors, such
    as `pool.` for one that lies in something else."""
    rules.check_display_name(f"{where}displayName", pool.display_name)
    rules.check_range(f"{where}targetDedicatedNodes", pool.target_dedicated_nodes, 0, MOST_NODES)
    rules.check_range(f"{where}targetLowPriorityNodes", pool.target_low_priority_nodes, 0, MOST_NODES)
    rules.check_duration(f"{where}resizeTimeout", pool.resize_timeout, LEAST_RESIZE_TIMEOUT)
    rules.check_metadata(f"{where}metadata", pool.metadata)
    users.check(f"{where}userAccounts", pool.user_accounts)
    machines.check_upgrades(f"{where}upgradePolicy", pool.upgrade_policy)
    _check_certificates(f"{where}certificateReferences", pool.certificate_references)
    applications.check_references(
        f"{where}applicationPackageReferences",
        pool.application_package_references,
        applications.MOST_OF_A_POOL,
    )
    for index, licence in enumerate(pool.application_licenses or ()):
        rules.check_text(f"{where}applicationLicenses[{index}]", licence)
    size = vm_sizes.find(pool.vm_size)
    if size is None:
        raise invalid_property(f"{where}vmSize", pool.vm_size, "must be a size such as Standard_D2s_v3")
    most = min(SLOTS_PER_CORE * size.cores, MAX_SLOTS_PER_NODE)
    rules.check_range(f"{where}taskSlotsPerNode", pool.task_slots_per_node, 1, most)


def complete(pool: P, where: str = "") -> P:
    """The pool, which has been checked and has nothing that is not honoured, with its defaults and without
    secrets, or a BatchError. What is complete stays as it is."""
    machine = pool.virtual_machine_configuration
    if not machine:
        raise missing_property(where + _MACHINE)
    start_task = pool.start_task
    return replace(
        pool,
        virtual_machine_configuration=machines.accept(machine, where + _MACHINE),
        resize_timeout=pool.resize_timeout or RESIZE_TIMEOUT,
        target_dedicated_nodes=pool.target_dedicated_nodes or 0,
        target_low_priority_nodes=pool.target_low_priority_nodes or 0,
        enable_auto_scale=bool(pool.enable_auto_scale),
        enable_inter_node_communication=pool.enable_inter_node_communication or False,
        network_configuration=networks.accept(where + _NETWORK, pool.network_configuration),
        start_task=start_tasks.accept(start_task, f"{where}startTask") if start_task else UNSET,
        task_slots_per_node=pool.task_slots_per_node or 1,
        task_scheduling_policy=_policy(pool.task_scheduling_policy),
        user_accounts=users.complete(pool.user_accounts),
    )


def patched(pool: BatchPoolCreateOptions, options: BatchPoolUpdateOptions) -> BatchPoolCreateOptions:
    """The accepted pool with each property that is given replaced as a whole, or a BatchError."""
    given = {name: value for name, value in _properties(options).items() if value is not UNSET}
    return _changed(pool, given)


def replaced(pool: BatchPoolCreateOptions, options: BatchPoolReplaceOptions) -> BatchPoolCreateOptions:
    """The accepted pool with the properties that are given and without those that are not, or a BatchError.
    What cannot be replaced stays."""
    return _changed(pool, _properties(options))


def os_version(options: PoolUpgradeOSParameter) -> str:
    """The version that a cloud service is to have, or a BatchError."""
    rules.check_text("targetOSVersion", options.target_os_version)
    return options.target_os_version


def of_empty_pools(options: BatchPoolUpdateOptions) -> Iterator[str]:
    """The names of those properties that are given and may change only while the pool has no nodes."""
    at_any_time = PoolChangeShape.__struct_fields__
    for attribute, name in zip(options.__struct_fields__, options.__struct_encode_fields__, strict=True):
        if attribute not in at_any_time and getattr(options, attribute) not in (UNSET, None):
            yield name


def _properties(options: PoolChangeShape) -> dict[str, Any]:
    return asdict(without_nulls(options))


def _changed(pool: BatchPoolCreateOptions, values: dict[str, Any]) -> BatchPoolCreateOptions:
    users.check_passwords("userAccounts", values.get("user_accounts", UNSET))
    changed = replace(pool, **values)
    check(changed)
    honoured.check(changed)
    return complete(changed)


def _check_certificates(where: str, references: Maybe[tuple[BatchCertificateReference, ...]]) -> None:
    for index, one in enumerate(references or ()):
        rules.check_text(f"{where}[{index}].thumbprint", one.thumbprint)
        if one.thumbprint_algorithm.lower() != "sha1":
            name = f"{where}[{index}].thumbprintAlgorithm"
            raise invalid_property(name, one.thumbprint_algorithm, "must be sha1")


def _policy(given: Maybe[BatchTaskSchedulingPolicy]) -> BatchTaskSchedulingPolicy:
    return BatchTaskSchedulingPolicy(
        job_default_order=(given and given.job_default_order) or BatchJobDefaultOrder.NONE,
        node_fill_type=(given and given.node_fill_type) or BatchNodeFillType.SPREAD,
    )
