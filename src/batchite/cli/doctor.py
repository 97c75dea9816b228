"""`batchite doctor`: what this machine can do for compute nodes, and why not more."""

from __future__ import annotations

import sys
from typing import Any

import click

from batchite.cli import exits, grammar, options, printing
from batchite.configuration.sandbox import MACHINE, PROCESS, USER
from batchite.configuration.settings import Settings
from batchite.images.absent import absent
from batchite.link.machines import Isolation

HELP = "Say what nodes can be on this machine, and why not more."
USED = ("data_dir", "config")
TRIED = (MACHINE, USER)


def command() -> click.Command:
    """`doctor`."""
    return options.command("doctor", _doctor, help=HELP, settings=USED, more=(grammar.json_option(),))


def _doctor(settings: Settings, as_json: bool) -> None:
    """By trying, in a directory of its own where nodes would have theirs."""
    from batchite.supervisor import isolation
    from batchite.supervisor.isolation import TooLittleError

    tiers = {tier: _tried(isolation.attempt(tier, settings.sandbox, settings.data_dir)) for tier in TRIED}
    told: dict[str, Any] = {
        "tiers": tiers | {PROCESS: {"can": True, "why": "It is always there."}},
        "asked": {
            "tier": settings.sandbox.tier,
            "require": settings.sandbox.require,
            "share": list(settings.sandbox.share),
        },
    }
    told["images"] = absent(settings.data_dir, settings.images)
    try:
        chosen = isolation.decide(settings.sandbox, settings.data_dir)
    except TooLittleError as error:
        told["chosen"] = {"tier": None, "why": str(error)}
    else:
        told["chosen"] = {"tier": chosen.tier, "why": chosen.why}
    if as_json:
        printing.print_json(told)
    else:
        print("\n".join(_lines(told)))
    sys.exit(0 if told["chosen"]["tier"] else exits.FAILED)


def _tried(found: Isolation | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"can": False, "why": found}
    return {"can": True, "why": "A node was made and removed again."}


def _lines(told: dict[str, Any]) -> list[str]:
    tiers = [
        f"{name:8} {'yes' if tier['can'] else 'no ':4} {tier['why']}" for name, tier in told["tiers"].items()
    ]
    chosen = told["chosen"]
    lines = [*tiers, "", f"Nodes    {chosen['tier'] or 'none'}", f"         {chosen['why']}"]
    return [*lines, *([""] if told["images"] else []), *(f"Images   {problem}" for problem in told["images"])]
