"""What every run of a node needs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence

import msgspec

from batchite.nodes import command_line
from batchite.nodes.definition import OutputFile, PackageReference, ResourceFile
from batchite.nodes.directories import RunDirectory
from batchite.nodes.environment import Environments
from batchite.nodes.places import Place, Places
from batchite.nodes.sandbox.base import Sandbox, User
from batchite.wire.ticks import Clock

KILL_GRACE_SECONDS = 3.0
"""Between SIGTERM and SIGKILL; shorter than the API waits for a task to be terminated."""

Stage = Callable[[tuple[ResourceFile, ...], RunDirectory, User], Coroutine[None, None, None]]
"""Fetches a user's files into a working directory; raises RunError."""

Install = Callable[[tuple[PackageReference, ...]], Coroutine[None, None, dict[str, str]]]
"""Sees to it that application packages are there; returns variables that tell where; raises RunError."""

Upload = Callable[[Sequence[OutputFile], Place, Mapping[str, str]], Coroutine[None, None, None]]
"""Uploads what a command has left, with the variables of its environment; raises RunError."""


class Tools(msgspec.Struct, frozen=True):
    sandbox: Sandbox
    places: Places
    environments: Environments
    clock: Clock
    stage: Stage
    install: Install
    upload: Upload
    grace: float = KILL_GRACE_SECONDS
    split: Callable[[str], list[str]] = command_line.split
    """from a command line to its words; raises ValueError"""
