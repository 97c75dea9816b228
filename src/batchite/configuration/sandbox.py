"""How far compute nodes are kept apart from the machine: what an operator asks for."""

from __future__ import annotations

import msgspec

AUTO, MACHINE, PROCESS = "auto", "machine", "process"
TIERS = (AUTO, MACHINE, PROCESS)


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """The table `[sandbox]`."""

    tier: str = PROCESS
    """`auto`: the highest that this machine can have"""
    require: str = ""
    """the least, without which the service does not start"""
    share: tuple[str, ...] = ()
    """paths that nodes which are machines see as well, and cannot change"""

    @property
    def is_needed(self) -> bool:
        """Whether nothing less than machines will do."""
        return MACHINE in (self.tier, self.require)

    @property
    def is_wanted(self) -> bool:
        """Whether nodes shall be machines, if they can."""
        return self.is_needed or self.tier == AUTO
