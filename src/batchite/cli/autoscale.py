"""`batchite autoscale`: formulas by which pools have their size."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import IO, Any

import click

from batchite.cli import exits, nouns, options, printing
from batchite.cli.grammar import Words
from batchite.cli.nouns import of
from batchite.cli.requests import BatchRequests
from batchite.configuration.settings import Settings
from batchite.scheduling.autoscale.errors import Place, underlined

TURNS = (
    ("time", of("time")),
    ("done", of("what")),
    ("nodes", lambda turn: _nodes(turn.get("results"))),
    ("why", lambda turn: _error(turn.get("error")) or turn.get("why")),
)
"""Columns of the log."""
_PLACE = re.compile(r"Line (\d+), Col (\d+): ")
_TARGETS = re.compile(r"\$TargetDedicatedNodes=(\d+);\$TargetLowPriorityNodes=(\d+)")


def command() -> click.Group:
    """`autoscale`, and what is below it."""
    pool = click.Option(["--pool"], metavar="ID", required=True, help="The pool.")
    formula = click.Argument(["file"], type=click.File("r", encoding="utf-8"))
    common = [pool, *nouns.service_options()]
    interval = click.Option(
        ["--interval"], metavar="DURATION", help="From one turn of the formula to the next, such as PT5M."
    )
    limit = click.Option(["--limit"], type=click.IntRange(1, 100), default=20, help="How many turns to show.")
    enable = options.command(
        "enable",
        _enable,
        help="Have a pool scaled by the formula of a file; - reads it from the input.",
        settings=nouns.USED,
        more=[formula, interval, *common],
    )
    disable = options.command(
        "disable",
        _disable,
        help="Have a pool keep the size that it has.",
        settings=nouns.USED,
        more=common,
    )
    try_ = options.command(
        "try",
        _try,
        help="Say what the formula of a file would ask for, by what has been sampled of a pool.",
        settings=nouns.USED,
        more=[formula, *common],
    )
    log = options.command(
        "log",
        _log,
        help="Tell the last turns of a pool's formula: what it has come to, what was done, and why.",
        settings=nouns.USED,
        more=[limit, *common],
    )
    return Words("autoscale", [enable, disable, try_, log], help="Scale pools by formulas, and see why.")


_OF_NOW = (
    "batchite: autoscale of the pool is off, so nothing was sampled: the formula has seen one sample, of now."
)


def _enable(
    settings: Settings, file: IO[str], interval: str | None, pool: str, account: str | None, as_json: bool
) -> None:
    body = {"autoScaleFormula": file.read()}
    if interval is not None:
        body["autoScaleEvaluationInterval"] = interval
    _change(BatchRequests(settings, account), pool, "enableautoscale", body, as_json)


def _disable(settings: Settings, pool: str, account: str | None, as_json: bool) -> None:
    _change(BatchRequests(settings, account), pool, "disableautoscale", None, as_json)


def _change(
    client: BatchRequests, pool: str, operation: str, body: Mapping[str, Any] | None, as_json: bool
) -> None:
    client.post("pools", pool, operation, body=body)
    found = client.get("pools", pool)
    if as_json:
        printing.print_json(found)
    elif found["enableAutoScale"]:
        every = found["autoScaleEvaluationInterval"]
        click.echo(f"{found['id']} is scaled by the formula, which has its turn every {every}.")
    else:
        targets = found["targetDedicatedNodes"], found["targetLowPriorityNodes"]
        click.echo(f"{found['id']} stays at {targets[0]} dedicated and {targets[1]} low-priority nodes.")


def _try(settings: Settings, file: IO[str], pool: str, account: str | None, as_json: bool) -> None:
    formula = file.read()
    client = BatchRequests(settings, account)
    trial = client.ask("-", "pools", pool, "autoscale", "try", body={"autoScaleFormula": formula})
    run = trial["autoScaleRun"]
    failed = "error" in run
    if not trial["recorded"]:
        click.echo(_OF_NOW, err=True)
    if as_json:
        printing.print_json(run | {"recorded": trial["recorded"]})
    elif failed:
        message = _error(run["error"])
        click.echo(f"batchite: the pool would stay as it is: {printing.shown(message)}", err=True)
        if marked := _marked(formula, message):
            click.echo(marked, err=True)
    else:
        click.echo("It would have asked for:")
        for result in run["results"].split(";"):
            click.echo(f"  {printing.shown(result)}")
    if failed:
        sys.exit(exits.FAILED)


def _log(settings: Settings, limit: int, pool: str, account: str | None, as_json: bool) -> None:
    client = BatchRequests(settings, account)
    found = client.get("-", "pools", pool, "autoscale", maxresults=str(limit))
    if as_json:
        printing.print_json(found)
        return
    turns = found["evaluations"]
    nouns.print_columns(TURNS, turns)
    if turns and "marked" in turns[0]:
        click.echo(f"\n{_lines(turns[0]['marked'])}")


def _nodes(results: str | None) -> str | None:
    found = _TARGETS.match(results or "")
    return None if found is None else f"{found[1]}+{found[2]}"


def _error(error: Mapping[str, Any] | None) -> str:
    """What is wrong with a formula: the place and the words, or at least the code."""
    if error is None:
        return ""
    values = {one["name"]: one["value"] for one in error.get("values", [])}
    return str(values.get("Message", error.get("code", "")))


def _marked(formula: str, message: str) -> str:
    """The line of the formula that a message speaks of, with a mark below the place."""
    place = _PLACE.match(message)
    return "" if place is None else _lines(underlined(formula, Place(int(place[1]), int(place[2]))))


def _lines(text: str) -> str:
    """Harmless to a terminal; the mark stays below its place."""
    return "\n".join(printing.shown(line.replace("\t", " ")) for line in text.split("\n"))
