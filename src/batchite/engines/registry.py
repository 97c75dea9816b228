"""The engines there are, by name, and which of them a pool gets its nodes from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from batchite.engines.base import GRACE_SECONDS, Engine, Handle, Lost, Outcome, Pace
from batchite.engines.local.engine import LocalEngine
from batchite.link.machines import PROCESSES, Isolation
from batchite.link.spec import NodeSpec
from batchite.wire.batch.vm_sizes import VmSize

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """An engine that can be had."""

    make: Callable[[Path, Lost], Engine]
    """from the service's data directory; blocks no longer than a look at it takes"""
    sizes: str = "*"
    """the VM sizes of its nodes: a pattern as of file names, in lower case"""


def kinds(isolation: Isolation = PROCESSES) -> Mapping[str, Kind]:
    """By the name that nodes keep in the store; the first that has a size is asked for it."""
    return {"local": Kind(lambda data, lost: LocalEngine(data / "nodes", lost, isolation))}


class Engines:
    """Those of this process. A node stays with the engine that it was begun by, whatever a size comes to mean
    later: nobody else understands its handle."""

    def __init__(self, kinds: Mapping[str, Kind], data: Path, lost: Lost) -> None:
        self._sizes = [(name, kind.sizes) for name, kind in kinds.items()]
        self._engines: dict[str, Engine] = {name: kind.make(data, lost) for name, kind in kinds.items()}

    def choose(self, vm_size: str) -> str:
        """The name of the engine for nodes of a size; the last one's if none says that it has it."""
        having = (name for name, sizes in self._sizes if fnmatchcase(vm_size.lower(), sizes))
        return next(having, self._sizes[-1][0])

    def of(self, name: str) -> Engine:
        """One that is not there any more refuses what it is asked, until it is there again."""
        return self._engines.get(name) or _Missing(name)

    def prepare(self) -> None:
        """Have all of them ready for their first nodes, soon."""
        for engine in self._engines.values():
            engine.prepare()

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.close()


class _Missing:
    """Stands for the engine of nodes that an earlier service began, and this one does not have."""

    pace = Pace(1, 1)

    def __init__(self, name: str) -> None:
        self._name = name

    def prepare(self) -> None:
        return None

    async def start(self, specs: Sequence[NodeSpec], size: VmSize) -> Mapping[str, Outcome]:
        return {spec.node_id: self._refusal() for spec in specs}

    async def stop(
        self,
        node_id: str,
        handle: Handle | None,
        *,
        keep_files: bool = False,
        grace: float = GRACE_SECONDS,
    ) -> None:
        raise self._refusal()

    async def adopt(self, handles: Mapping[str, Handle | None]) -> None:
        log.error("%s; %d of its nodes are watched by nobody", self._refusal(), len(handles))

    async def log(self, node_id: str, handle: Handle | None, most_bytes: int) -> str | None:
        return None

    async def close(self) -> None:
        return None

    def _refusal(self) -> OSError:
        return OSError(f"the engine {self._name!r}, which the node was begun by, is not there")
