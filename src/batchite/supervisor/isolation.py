"""How far compute nodes are kept apart from this machine: what is asked for, and what can be had."""

from __future__ import annotations

from pathlib import Path

from batchite.configuration.sandbox import MACHINE, PROCESS, USER, Sandbox
from batchite.link.machines import PROCESSES, Isolation

TRIED = "This machine can make them, as a try has shown."
_CANNOT = {MACHINE: "Nodes cannot be machines here.", USER: "Nodes cannot be of the user tier here."}


class TooLittleError(Exception):
    """Nodes cannot be what is needed; the text says why and what to do."""


def decide(sandbox: Sandbox, data_dir: Path) -> Isolation:
    """Tries the tiers that are wanted, which takes some tenths of a second for each. Raises TooLittleError,
    OSError."""
    reasons: list[str] = []
    for tier in sandbox.wanted:
        if tier == PROCESS:
            return Isolation(why=" ".join(reasons)) if reasons else PROCESSES
        found = attempt(tier, sandbox, data_dir)
        if isinstance(found, Isolation):
            return found._replace(why=" ".join([found.why, *reasons]))
        reasons.append(f"{_CANNOT[tier]} {found}")
    # Each reason begins with "Nodes".
    setting = f"require = {sandbox.require!r}" if sandbox.require else f"tier = {sandbox.tier!r}"
    raise TooLittleError(
        f"sandbox.{setting}, but n{' '.join(reasons)[1:]} `batchite doctor` says more; with sandbox.tier = "
        "'auto' and no sandbox.require nodes are processes where they can be no more."
    )


def attempt(tier: str, sandbox: Sandbox, data_dir: Path) -> Isolation | str:
    """Nodes of this tier, or why there can be none, in a sentence. Raises OSError."""
    nodes = data_dir / "nodes"
    if tier == MACHINE:
        from batchite.engines.local import machines  # only here: few services try

        reason = machines.why_not(nodes, sandbox.share)
        return reason if reason is not None else Isolation("machine", TRIED, sandbox.share)
    from batchite.engines.local import walls

    verdict = walls.trial(nodes, sandbox.share)
    return verdict.reason or Isolation("user", TRIED, sandbox.share, verdict.secrets)
