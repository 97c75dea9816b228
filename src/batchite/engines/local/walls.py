"""Nodes behind a wall, as the local engine has its agents make them: of what they are told, and whether they
can be made.

That is found out by making one, in a process of its own, as an agent does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

import batchite
from batchite.engines.local import directory as directories
from batchite.engines.local.machines import SMALLEST, host_name, limits, python_places
from batchite.link import wrapping
from batchite.link.machines import Isolation
from batchite.link.spec import NodeSpec
from batchite.link.wrapping import Verdict, Wrapping
from batchite.wire.batch.vm_sizes import VmSize

_TRIAL_SECONDS = 60.0
_ROOTS = "That tier is for services that root does not run."


def tell(node: Path, spec: NodeSpec, size: VmSize, isolation: Isolation) -> Path:
    """Write down for the agent in this directory what its node sees; returns where. Raises OSError."""
    service = node.resolve().parent.parent
    layers = (layer.directory for layer in spec.image.layers)
    shared = [*isolation.shared, *python_places(), *layers]
    wanted = Wrapping(
        name=host_name(spec.node_id),
        why=isolation.why,
        processes=limits(size).processes,
        memory=limits(size).memory_bytes,
        shared=tuple(dict.fromkeys(shared)),
        hidden=(str(service), *isolation.hidden),
    )
    path = node / wrapping.FILE_NAME
    path.write_bytes(msgspec.json.encode(wanted))
    return path


def trial(directory: Path, shared: Sequence[str] = ()) -> Verdict:
    """Whether nodes in this directory can be made, and what they must not see. Blocks for some tenths of a
    second, and leaves nothing. Raises OSError."""
    if os.geteuid() == 0:
        return Verdict(reason=_ROOTS)
    with directories.trial(directory) as node:
        return _try(node, tuple(dict.fromkeys([*shared, *python_places()])))


def _try(node: Path, shared: tuple[str, ...]) -> Verdict:
    hidden = (str(node.resolve().parent.parent),)
    wanted = Wrapping(
        name="probe", why="It is tried.", processes=limits(SMALLEST).processes, shared=shared, hidden=hidden
    )
    places = dict.fromkeys([str(Path(batchite.__file__).parent.parent), *filter(None, sys.path)])
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-S", "-P", "-m", wrapping.TRIAL, str(node)],
            input=msgspec.json.encode(wanted),
            env={"PYTHONPATH": os.pathsep.join(places)},
            capture_output=True,
            timeout=_TRIAL_SECONDS,
        )
        return msgspec.json.decode(done.stdout, type=Verdict)
    except subprocess.TimeoutExpired:
        return Verdict(reason=f"A try took longer than {_TRIAL_SECONDS:g} seconds.")
    except msgspec.DecodeError:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return Verdict(reason=f"A try failed: {said or 'it said nothing'}.")
