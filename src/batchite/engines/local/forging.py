"""Asking the forge for nodes that are small machines; it is started when the first one is wanted."""

from __future__ import annotations

import socket
from pathlib import Path

from batchite.engines.local.beside import Beside, GoneError
from batchite.link import machines
from batchite.link.machines import Plan, Ready

_TRIES = 2
"""A forge that is gone is begun anew once."""


class NoMachineError(Exception):
    """The node cannot be made; the text says what this machine did not do."""


class Forge:
    """Its methods block, for some hundredths of a second, and may be called in threads."""

    def __init__(self, hidden: Path) -> None:
        """`hidden`: the service's directory."""
        self._forge = Beside(machines.FORGE, str(hidden.resolve()), environment={})

    def begin(self) -> None:
        """Be ready for the first node, as soon as that takes. Raises OSError."""
        self._forge.begin()

    def make(self, plan: Plan) -> tuple[int, socket.socket]:
        """A node: its spawner, and the socket by which it lives as long as that is open. Raises
        NoMachineError."""
        for _ in range(_TRIES):
            try:
                content, descriptors = self._forge.ask(machines.encode(plan))
            except (GoneError, OSError) as error:
                reason = str(error)
                continue
            answer = machines.answer(content)
            if isinstance(answer, Ready) and descriptors:
                return answer.spawner, socket.socket(fileno=descriptors[0])
            raise NoMachineError("" if isinstance(answer, Ready) else answer.reason)
        raise NoMachineError(f"the forge of nodes is gone: {reason}")

    def close(self) -> None:
        """The nodes go on."""
        self._forge.close()
