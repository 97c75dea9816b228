"""How far compute nodes are kept apart from the machine: what an operator asks for."""

from __future__ import annotations

from typing import Final

import msgspec

AUTO: Final = "auto"
MACHINE: Final = "machine"
USER: Final = "user"
PROCESS: Final = "process"
ORDER = (MACHINE, USER, PROCESS)
"""of tiers, the highest first"""
TIERS = (AUTO, *ORDER)


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """The table `[sandbox]`."""

    tier: str = AUTO
    """`auto`: the highest that this machine can have"""
    require: str = ""
    """the least, without which the service does not start"""
    share: tuple[str, ...] = ()
    """paths that nodes of a higher tier than `process` see as well, and cannot change"""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The tiers that nodes may be of, in the order in which they are to be tried."""
        least = ORDER[: ORDER.index(self.require or PROCESS) + 1]
        asked = [tier for tier in least if self.tier in (AUTO, tier)]
        return tuple(asked) or least
