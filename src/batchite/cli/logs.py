"""What tasks print: once, or as it comes until they have completed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, BinaryIO

import click

from batchite.cli.requests import PatientRequests

STDOUT, STDERR = "stdout.txt", "stderr.txt"
LOOK_SECONDS = 0.5
"""Between two looks for more."""
PART_BYTES = 1024 * 1024
"""Of a file that are asked for at once."""


def outputs(names: Sequence[str]) -> dict[str, BinaryIO]:
    """Where the files are written to; what is asked for alone goes to the output."""
    alone = len(names) == 1
    return {name: (sys.stdout if name == STDOUT or alone else sys.stderr).buffer for name in names}


def follow(client: PatientRequests, path: Sequence[str], names: Sequence[str]) -> None:
    """Write what the task prints, from its beginning, until it has completed and its files were read to the
    end. One that runs again begins again."""
    written = dict.fromkeys(names, 0)
    targets = outputs(names)
    run: object = None
    while True:
        task = client.get(*path)  # before its files: what it had printed when it completed is there by then
        present = _run(task)
        if present is not None and present != run:
            if any(written.values()):
                click.echo("batchite: the task runs again", err=True)
            written, run = dict.fromkeys(names, 0), present
        if present is not None:  # else what there is may be of a run before, or of one nobody has told of yet
            for name in names:
                written[name] += _copy(client, [*path, "files", name], written[name], targets[name])
        if task["state"] == "completed":
            return
        time.sleep(LOOK_SECONDS)


def _run(task: dict[str, Any]) -> object:
    """What tells one run of a task from another; none: it has not begun."""
    info = task.get("executionInfo", {})
    if "startTime" not in info:
        return None
    return info["startTime"], task.get("nodeInfo", {}).get("nodeId")


def _copy(client: PatientRequests, path: Sequence[str], offset: int, target: BinaryIO) -> int:
    """Write what a file has from there on; how many bytes that were."""
    copied = 0
    while part := client.part(*path, offset=offset + copied, length=PART_BYTES):
        target.write(part)
        copied += len(part)
    target.flush()
    return copied
