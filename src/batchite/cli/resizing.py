"""`batchite pool resize`, `stop-resize` and `remove-nodes`: how many nodes a pool has.

With `--wait` they end when the pool has come to rest, with an error if it has not what it was to have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import click

from batchite.cli import exits, nouns, options, printing, waiting
from batchite.cli.requests import BatchRequests, PatientRequests
from batchite.configuration.settings import Settings
from batchite.resources.vacating import Option

LEAST_MINUTES = 5


def commands() -> list[click.Command]:
    return [_resize(), _stop(), _remove()]


def _resize() -> click.Command:
    more = (
        click.Argument(["id"]),
        *_targets(),
        *_manner(),
        *_common("the pool has come to its size"),
    )
    text = "Give a pool another number of nodes; a number that is not given stays as it is."
    return options.command("resize", _run_resize, help=text, settings=nouns.USED, more=more)


def _run_resize(
    settings: Settings,
    id: str,
    dedicated: int | None,
    low_priority: int | None,
    option: str | None,
    timeout: int | None,
    wait: bool,
    account: str | None,
    as_json: bool,
) -> None:
    targets = {"targetDedicatedNodes": dedicated, "targetLowPriorityNodes": low_priority}
    given = {name: target for name, target in targets.items() if target is not None}
    if not given:
        exits.fail("say how many nodes the pool is to have: --dedicated N, --low-priority N", exits.USAGE)
    BatchRequests(settings, account).post("pools", id, "resize", body={**given, **_chosen(option, timeout)})
    _tell(PatientRequests(settings, account), id, wait=wait, as_json=as_json)


def _stop() -> click.Command:
    more = (click.Argument(["id"]), *_common("the pool has come to rest"))
    text = "Have a pool that is being resized keep the nodes that it has."
    return options.command("stop-resize", _run_stop, help=text, settings=nouns.USED, more=more)


def _run_stop(settings: Settings, id: str, wait: bool, account: str | None, as_json: bool) -> None:
    BatchRequests(settings, account).post("pools", id, "stopresize")
    _tell(PatientRequests(settings, account), id, wait=wait, as_json=as_json, may_fall_short=True)


def _remove() -> click.Command:
    more = (
        click.Argument(["id"]),
        click.Argument(["nodes"], nargs=-1, required=True),
        *_manner(),
        *_common("the nodes are gone"),
    )
    text = "Take these nodes out of a pool, which has so many fewer from then on."
    return options.command("remove-nodes", _run_remove, help=text, settings=nouns.USED, more=more)


def _run_remove(
    settings: Settings,
    id: str,
    nodes: Sequence[str],
    option: str | None,
    timeout: int | None,
    wait: bool,
    account: str | None,
    as_json: bool,
) -> None:
    body = {"nodeList": list(nodes), **_chosen(option, timeout)}
    BatchRequests(settings, account).post("pools", id, "removenodes", body=body)
    _tell(PatientRequests(settings, account), id, wait=wait, as_json=as_json)


def _targets() -> tuple[click.Option, ...]:
    number = click.IntRange(0)
    return (
        click.Option(["--dedicated"], type=number, metavar="N", help="Dedicated nodes to have."),
        click.Option(["--low-priority"], type=number, metavar="N", help="Low-priority nodes to have."),
    )


def _manner() -> tuple[click.Option, ...]:
    """How nodes leave."""
    return (
        click.Option(
            ["--option"],
            type=click.Choice(get_args(Option), case_sensitive=False),
            help="What becomes of tasks of nodes that leave; requeue if not given.",
        ),
        click.Option(
            ["--timeout"],
            type=click.IntRange(LEAST_MINUTES),
            metavar="MINUTES",
            help="How long it may take; 15 if not given.",
        ),
    )


def _common(until: str) -> tuple[click.Parameter, ...]:
    wait = click.Option(["--wait"], is_flag=True, help=f"Wait until {until}.")
    return wait, *nouns.service_options()


def _chosen(option: str | None, timeout: int | None) -> dict[str, str]:
    """What is given of how nodes leave, in the words of the API."""
    given = {"nodeDeallocationOption": option, "resizeTimeout": timeout and f"PT{timeout}M"}
    return {name: value for name, value in given.items() if value}


def _tell(
    client: PatientRequests, id: str, *, wait: bool, as_json: bool, may_fall_short: bool = False
) -> None:
    """How far the pool is, or has come in the end."""
    pool = waiting.until(
        lambda: client.get("pools", id), lambda pool: not wait or pool["allocationState"] == "steady"
    )
    if as_json:
        printing.print_json(pool)
    else:
        click.echo(f"{pool['id']} is {pool['allocationState']}, with {_nodes(pool)}.")
    errors = pool.get("resizeErrors") or []
    if wait and errors and not may_fall_short:
        exits.fail("; ".join(f"{error['message']} ({error['code']})" for error in errors))


def _nodes(pool: dict[str, Any]) -> str:
    """Those that it has of those that it is to have."""
    found = []
    for kind, words in (("Dedicated", "dedicated"), ("LowPriority", "low-priority")):
        current, target = pool[f"current{kind}Nodes"], pool[f"target{kind}Nodes"]
        if current or target or kind == "Dedicated":
            found.append(f"{current} of {target} {words}")
    return f"{' and '.join(found)} nodes"
