"""Which sandbox a node gets."""

from __future__ import annotations

import os
import socket

import msgspec

from batchite.link.machines import FILE_NAME, SOCKET_VARIABLE, WHY_VARIABLE, Machine
from batchite.link.spec import NodeSpec
from batchite.link.wrapping import VARIABLE, Wrapping
from batchite.nodes.sandbox.base import Sandbox
from batchite.nodes.sandbox.process import ProcessSandbox

_NO_MORE = "Its engine did not make more of it."


def choose(spec: NodeSpec, node: str) -> Sandbox:
    """The sandbox of the node in this directory; must be called in the main thread of a running loop.
    Raises OSError."""
    wrapped = os.environ.pop(VARIABLE, None)
    if wrapped is not None:
        from batchite.nodes.sandbox.user import UserSandbox  # other nodes do without

        with open(wrapped, "rb") as file:
            return UserSandbox(node, msgspec.json.decode(file.read(), type=Wrapping))
    spawner = os.environ.pop(SOCKET_VARIABLE, None)
    why = os.environ.pop(WHY_VARIABLE, "") or _NO_MORE
    if spawner is None:
        return ProcessSandbox(node, why, spec.root)
    from batchite.nodes.sandbox.machine import MachineSandbox  # other nodes do without

    with open(f"{node}/{FILE_NAME}", "rb") as file:
        machine = msgspec.json.decode(file.read(), type=Machine)
    return MachineSandbox(node, machine, socket.socket(fileno=int(spawner)))
