"""How commands end: the exit codes, and the sentence that goes with each that is not 0."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

FAILED = 1
"""refused or gone wrong; the sentence says why"""
USAGE = 2
"""a command, option or value that there is not; Click's own code"""
NOT_FOUND = 3
"""no pool, node, job, task or file of that name"""
NOT_RUNNING = 4
"""no service runs at the data directory, or it cannot be reached"""
TASKS_FAILED = 5
"""what was watched has ended, and not all of its tasks have succeeded"""
CANNOT_EXECUTE = 126
"""`exec`: what is there is no program, as shells say it"""
NO_PROGRAM = 127
"""`exec`: there is no such program, as shells say it"""

MEANINGS = {
    0: "done",
    FAILED: "refused, or gone wrong",
    USAGE: "wrong usage",
    NOT_FOUND: "no such pool, node, job, task or file",
    NOT_RUNNING: "the service is not running, or cannot be reached",
    TASKS_FAILED: "`job watch`: the job has ended, and not all of its tasks have succeeded",
    CANNOT_EXECUTE: "`exec`: the command is no program that can be executed; other codes are the command's",
    NO_PROGRAM: "`exec`: there is no such program",
}


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the command with an error that a person can act on."""
    click.echo(f"batchite: {message}", err=True)
    sys.exit(code)
