"""Where jobs run: in a pool that is named, or in one that is made for them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from msgspec.structs import replace

from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.models.enums import BatchPoolLifetimeOption
from batchite.wire.batch.models.fields import Maybe, Model
from batchite.wire.batch.models.jobs import BatchAutoPoolSpecification, BatchPoolInfo
from batchite.wire.batch.validation import autoscaling, pools, rules, users
from batchite.wire.ticks import Duration

Shown = Callable[[Model], object]
"""How a client sees something, in the API version that it speaks."""
OF_A_JOB: Final = frozenset({BatchPoolLifetimeOption.JOB})
"""How long the pool may live that a job brings with it. Jobs of a schedule may also share one."""
MAX_PREFIX_LENGTH = 20
"""Of an auto pool's id."""

_AUTO = "autoPoolSpecification"
_LIFETIME_RULE = "must be job: only jobs of a job schedule can share an auto pool"
_KEEP_ALIVE_RULE = (
    "can only change in keepAlive; leave out what is not to change, or terminate the job and add another"
)
_SHARED_RULE = "belongs to the job schedule, whose jobs share it, and cannot be changed with a job"


def lifetimes(now: BatchPoolInfo) -> Collection[BatchPoolLifetimeOption]:
    """How long a pool may live that a job is to have instead of what it has `now`."""
    auto = now.auto_pool_specification
    return OF_A_JOB | {auto.pool_lifetime_option} if auto else OF_A_JOB


def accept(
    info: BatchPoolInfo,
    where: str = "poolInfo",
    lifetimes: Collection[BatchPoolLifetimeOption] = OF_A_JOB,
) -> BatchPoolInfo:
    """Either a pool's id or the specification of one, with its defaults; or a BatchError. `info` is without
    nulls and has nothing that is not honoured."""
    auto = info.auto_pool_specification
    if auto:
        if isinstance(info.pool_id, str):
            raise invalid_property(
                f"{where}.poolId", info.pool_id, f"must not be given together with {_AUTO}"
            )
        return replace(info, auto_pool_specification=_accept_auto(auto, f"{where}.{_AUTO}", lifetimes))
    if not info.pool_id:
        raise missing_property(f"{where}.poolId")
    rules.check_id(f"{where}.poolId", info.pool_id)
    return info


def check_new(
    info: BatchPoolInfo, where: str = "poolInfo", least_interval: Duration = autoscaling.LEAST_INTERVAL
) -> None:
    """What holds of a pool that is to be made, and not of its specification once that has its defaults and
    no secrets. `least_interval` has to lie between evaluations of its formula. Raises BatchError."""
    auto = info.auto_pool_specification
    if auto and auto.pool:
        users.check_passwords(f"{where}.{_AUTO}.pool.userAccounts", auto.pool.user_accounts)
        autoscaling.check(auto.pool, f"{where}.{_AUTO}.pool.", least_interval)


def _accept_auto(
    auto: BatchAutoPoolSpecification, where: str, lifetimes: Collection[BatchPoolLifetimeOption]
) -> BatchAutoPoolSpecification:
    _check_prefix(f"{where}.autoPoolIdPrefix", auto.auto_pool_id_prefix)
    if auto.pool_lifetime_option not in lifetimes:
        raise invalid_property(f"{where}.poolLifetimeOption", auto.pool_lifetime_option, _LIFETIME_RULE)
    if not auto.pool:
        raise missing_property(f"{where}.pool")
    pools.check(auto.pool, f"{where}.pool.")
    return replace(
        auto, keep_alive=auto.keep_alive or False, pool=pools.complete(auto.pool, f"{where}.pool.")
    )


def _check_prefix(where: str, prefix: Maybe[str]) -> None:
    if not prefix:
        return
    rules.check_id(where, prefix)
    if len(prefix) > MAX_PREFIX_LENGTH:
        raise invalid_property(where, prefix, f"must have at most {MAX_PREFIX_LENGTH} characters")


def completed(wanted: BatchPoolInfo, now: BatchPoolInfo) -> BatchPoolInfo:
    """Of a job that has `now`, what is wanted instead; of its auto pool only what is to change need be
    given."""
    new, old = wanted.auto_pool_specification, now.auto_pool_specification
    if not new or not old:
        return wanted
    prefix, pool = new.auto_pool_id_prefix or old.auto_pool_id_prefix, new.pool or old.pool
    return replace(wanted, auto_pool_specification=replace(new, auto_pool_id_prefix=prefix, pool=pool))


def changed(
    wanted: BatchPoolInfo, now: BatchPoolInfo, shown: Shown, where: str = "poolInfo"
) -> BatchPoolInfo:
    """What is wanted of a job that has `now`; both are accepted. Of an auto pool only whether it stays can
    change, and of one that jobs of a schedule share nothing, else raises BatchError: old clients send back
    all that they were shown, which is less than there is. Whether a job may go to another pool by its id is
    not for this to say."""
    new, old = wanted.auto_pool_specification, now.auto_pool_specification
    if not new or not old:
        return wanted
    is_own = old.pool_lifetime_option is BatchPoolLifetimeOption.JOB
    kept = replace(old, keep_alive=new.keep_alive) if is_own else old
    if new != kept and shown(new) != shown(kept):
        rule = _KEEP_ALIVE_RULE if is_own else _SHARED_RULE
        raise invalid_property(f"{where}.{_AUTO}", "another pool", rule)
    return replace(now, auto_pool_specification=kept)
