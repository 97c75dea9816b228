"""Nodes that are small machines, as the local engine makes them: of what, for whom, and whether it can.

Whether they can be made here is found out by making one.
"""

from __future__ import annotations

import os
import socket
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from batchite.engines.local import directory as directories
from batchite.engines.local.cgroups import Groups, Limits
from batchite.engines.local.forging import Forge, NoMachineError
from batchite.link import machines
from batchite.link.machines import Isolation, Machine, Plan
from batchite.link.spec import Authority, NodeImage
from batchite.machine import proc
from batchite.wire.batch.vm_sizes import VmSize

_VISIBLE = ("/usr", "/etc", "/opt")
"""what nodes see anyway"""
_PROCESSES_OF_A_NODE, _PROCESSES_OF_A_CORE = 2048, 1024
_MOST_OF_ALL = 4
"""A node may have this part of all processes that the machine can have."""
_NO_IMAGE = NodeImage()
SMALLEST = VmSize("probe", 1, 64)


class Made(NamedTuple):
    """A node, which lives as long as the socket of its spawner is open."""

    machine: Machine
    spawner: socket.socket


class Machines:
    """Makes those whose directories lie in `directory`. Methods block, and may be called in threads."""

    def __init__(self, directory: Path, isolation: Isolation) -> None:
        self._directory = directory
        self._isolation = isolation
        service = directory.resolve().parent
        self._forge = Forge(service)
        self._ranges = Ranges(directory)
        self._hidden = str(service)

    def begin(self) -> None:
        """Be ready for the first node, as soon as that takes. Raises OSError."""
        self._forge.begin()

    def make(
        self,
        node: Path,
        size: VmSize,
        groups: Groups,
        image: NodeImage = _NO_IMAGE,
        hosts: tuple[str, ...] = (),
        authority: Authority | None = None,
    ) -> Made:
        """For the agent that is about to be started in this directory, which is told. Raises OSError, and
        NoMachineError."""
        has_ours = not image.has_system_python
        shared = tuple(dict.fromkeys([*self._isolation.shared, *(python_places() if has_ours else ())]))
        limiting = groups.limit(node.name, limits(size))
        first_id = self._ranges.of(node)
        plan = Plan(
            node=str(node),
            first_id=first_id,
            name=host_name(node.name),
            groups=limiting,
            root=image.root,
            layers=tuple(layer.directory for layer in image.layers),
            shared=shared,
            hosts=hosts,
            authority=authority,
            hidden=tuple(_within(path, self._hidden) for path in shared if _is_in(self._hidden, path)),
        )
        pid, spawner = self._forge.make(plan)
        machine = Machine(
            has_service_python=has_ours,
            first_id=first_id,
            spawner=pid,
            groups=limiting,
            memory_mib=size.memory_mib,
            why=self._isolation.why,
        )
        try:
            (node / machines.FILE_NAME).write_bytes(msgspec.json.encode(machine))
        except OSError:
            spawner.close()
            raise
        return Made(machine, spawner)

    def close(self) -> None:
        """The nodes go on."""
        self._forge.close()


class Ranges:
    """Which users of this machine are those of which node. What is kept of a node tells, so that none has
    those of another that is there, also after a restart of the service. Services begin at different ones."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._next = zlib.crc32(os.fsencode(directory.resolve()))
        self._given: set[int] = set()

    def of(self, node: Path) -> int:
        """The first one's number."""
        known = _owner(node)
        if known is not None:
            return known
        if not self._given or len(self._given) >= machines.RANGES:
            self._given = {owner for path in self._directory.iterdir() if (owner := _owner(path)) is not None}
        while (first := self._first()) in self._given:
            pass
        self._given.add(first)
        return first

    def _first(self) -> int:
        self._next += 1
        return machines.FIRST_ID + machines.IDS * (self._next % machines.RANGES)


def _owner(node: Path) -> int | None:
    """Of a node's root directory."""
    try:
        owner = os.lstat(node / "machine" / "top").st_uid
    except OSError:
        return None
    return owner if owner >= machines.FIRST_ID else None


def limits(size: VmSize) -> Limits:
    """Of a node as a whole."""
    wanted = _PROCESSES_OF_A_NODE + _PROCESSES_OF_A_CORE * size.cores
    most = int(Path("/proc/sys/kernel/pid_max").read_text())
    return Limits(size.memory_mib << 20, min(wanted, most // _MOST_OF_ALL))


def why_not(directory: Path, shared: Sequence[str] = ()) -> str | None:
    """Why nodes in this directory cannot be machines, in a sentence; None if they can. Makes one, and removes
    it again."""
    if os.geteuid() != 0:
        return "Only root can make nodes that are machines."
    try:
        with directories.trial(directory) as node:
            return _probe(node, tuple(shared))
    except OSError as error:
        return f"This machine does not let them be made: {error.strerror or error}."


def _probe(node: Path, shared: tuple[str, ...]) -> str | None:
    groups = Groups(node.parent, limiting=True)
    if not groups.can_limit:
        return "There are no control groups here that can limit the memory and the processes of a node."
    made = Machines(node.parent, Isolation("machine", "It is tried.", shared))
    try:
        made.make(node, SMALLEST, groups).spawner.close()
    except NoMachineError as error:
        return f"This machine does not let them be made: {error}."
    finally:
        made.close()
        groups.end_soon(node.name)
    return None


def python_places() -> list[str]:
    """Where the service's own Python is, if nodes do not see that anyway: tasks use it, too."""
    places = (os.path.abspath(place) for place in (sys.prefix, sys.base_prefix))
    return [place for place in places if not any(proc.is_below(place, seen) for seen in _VISIBLE)]


def _is_in(path: str, shared: str) -> bool:
    return proc.is_below(path, os.path.realpath(shared))


def _within(shared: str, path: str) -> str:
    """Where a path is seen in what is shared, which may be a link."""
    return os.path.normpath(f"{shared}/{os.path.relpath(path, os.path.realpath(shared))}")


def host_name(node_id: str) -> str:
    """Short, of letters that host names have, and most likely no other node's."""
    return f"tvm-{zlib.crc32(node_id.encode()):08x}"
