"""Measure, print the table, keep it in benchmarks/README.md: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import compileall
import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import batchite
from benchmarks import (
    adding,
    autoscale,
    blobs,
    crowd,
    dependencies,
    exec,
    feed,
    filters,
    interaction,
    latency,
    machine,
    outputs,
    pools,
    portal,
    ready,
    rebooting,
    report,
    resizing,
    sandbox,
    searching,
    stopping,
    stored,
    throughput,
    tutorial,
)
from benchmarks.figures import Measured
from benchmarks.peers import rates
from benchmarks.scale import FULL, QUICK, Scale

FAMILIES: dict[str, Callable[[Scale], Measured]] = {
    "throughput": throughput.measure,
    "peers": rates.measure,
    "adding": adding.measure,
    "latency": latency.measure,
    "release": dependencies.release,
    "chains": dependencies.chains,
    "waiting": dependencies.memory,
    "feed": feed.measure,
    "pools": pools.measure,
    "resizing": resizing.measure,
    "rebooting": rebooting.measure,
    "stopping": stopping.measure,
    "tutorial": tutorial.measure,
    "ready": ready.measure,
    "exec": exec.measure,
    "outputs": outputs.measure,
    "sandbox": sandbox.measure,
    "memory": stored.memory,
    "listing": stored.listing,
    "searching": searching.measure,
    "filters": filters.measure,
    "autoscale": autoscale.measure,
    "portal": portal.measure,
    "interaction": interaction.measure,
    "crowd": crowd.measure,
    **blobs.FAMILIES,
}


def main() -> None:
    arguments = _arguments()
    scale = QUICK if arguments.quick else FULL
    if arguments.stored_tasks:
        scale = dataclasses.replace(scale, stored_tasks=arguments.stored_tasks)
    os.environ.setdefault("BATCHITE_SANDBOX_TIER", "process")  # *sandbox* compares the tiers
    compileall.compile_dir(Path(batchite.__file__).parent, quiet=1)  # as every installed package is
    sections = {}
    for name in arguments.only or FAMILIES:
        load, began = machine.load(), time.monotonic()
        sections[name] = report.section(FAMILIES[name](scale), load)
        print(f"{name}: measured in {time.monotonic() - began:.0f} s", flush=True)
    print(report.text(sections))
    if arguments.keep or (scale is FULL and not arguments.only):
        report.keep(sections, whole=not arguments.only)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=FAMILIES, help="measure this; can be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the figures of the chosen families, too")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument(
        "--stored-tasks",
        type=int,
        metavar="N",
        help="tasks for memory and lists (100,000); 1000000 takes long",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
