"""How far compute nodes are kept apart from this machine: what is asked for, and what can be had."""

from __future__ import annotations

from pathlib import Path

from batchite.configuration.sandbox import MACHINE, Sandbox
from batchite.link.machines import PROCESSES, Isolation


class TooLittleError(Exception):
    """Nodes cannot be what is needed; the text says why and what to do."""


def decide(sandbox: Sandbox, data_dir: Path) -> Isolation:
    """Tries it, which takes some tenths of a second, if nodes shall be machines. Raises TooLittleError."""
    if not sandbox.is_wanted:
        return PROCESSES
    from batchite.engines.local import machines  # only here: few services try

    reason = machines.why_not(data_dir / "nodes", sandbox.share)
    if reason is None:
        return Isolation(True, "This machine can make them, as a try has shown.", sandbox.share)
    if sandbox.is_needed:
        setting = "require" if sandbox.require == MACHINE else "tier"
        raise TooLittleError(
            f"sandbox.{setting} = {MACHINE!r}, but nodes cannot be machines here. {reason} "
            "`batchite doctor` says more; with sandbox.tier = 'auto' and no sandbox.require nodes are "
            "processes where they can be no more."
        )
    return Isolation(why=f"Nodes cannot be machines here. {reason}")
