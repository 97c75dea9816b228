"""Nodes that are small machines: what an engine asks of the forge that makes them, and what an agent is told.

The engine and the agent start neither namespaces nor mounts themselves: a process of its own does, the forge
(`nodes.sandbox.forge`), with which the engine talks over a socket of messages with descriptors.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from batchite.link.spec import Authority

FORGE = "batchite.nodes.sandbox.forge"
"""the module that is the forge"""

FILE_NAME = "machine.json"
"""where an agent finds its `Machine`, in the node's own directory"""

SOCKET_VARIABLE = "BATCHITE_SPAWNER"
"""the variable with the number of the descriptor by which an agent reaches its node's spawner; not there if
the node is no machine"""

WHY_VARIABLE = "BATCHITE_WHY_PROCESS"
"""the variable by which an agent learns why its node is no machine"""

FIRST_ID, IDS = 0x10000000, 0x10000
"""Users of nodes are those of this machine from here on, so many for each node."""
RANGES = 0x7000
"""of users that nodes may have: no number has more than 31 bits, as older kernels (Linux 6.1) read them as
numbers with a sign when they mount /dev/pts"""

ROOT = "/mnt/batch/tasks"
"""A node's root directory, as in the cloud."""
TOOLS = "/mnt/batch/tools"
"""What the agent gives to the node's tasks lies here, and below `tools` of the node's directory outside."""


class Isolation(NamedTuple):
    """How far nodes are apart from this machine."""

    tier: Literal["machine", "user", "process"] = "process"
    why: str = "The setting sandbox.tier asks for processes of the service's user."
    """in a sentence"""
    shared: tuple[str, ...] = ()
    """paths of this machine that nodes see as well, if they have a system of their own or are behind a
    wall"""
    hidden: tuple[str, ...] = ()
    """what nodes behind a wall must not see of the system"""


PROCESSES = Isolation()
"""what nodes are where nobody tries whether they can be more"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is made of."""

    node: str
    """the node's directory; nobody else may write there"""
    first_id: int
    """the user on this machine that is the node's root"""
    name: str
    """as host name"""
    groups: tuple[str, ...]
    """control groups of the node as a whole, one in each hierarchy"""
    root: str = ""
    """directory of the system; empty: that of this machine"""
    layers: tuple[str, ...] = ()
    """directories that lie over the system's, the uppermost first: their `etc`, `usr`, `var`, `opt`"""
    shared: tuple[str, ...] = ()
    """paths of this machine that the node sees as well, and cannot change"""
    hidden: tuple[str, ...] = ()
    """paths that it does not see, although they are below a shared one"""
    hosts: tuple[str, ...] = ()
    """lines of its hosts file, beside this machine's"""
    authority: Authority | None = None
    """whom it trusts beside those that its system does"""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The node is there, and lives as long as the descriptor that comes along, its spawner's socket."""

    spawner: int
    """its number as a process of this machine"""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    reason: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent of such a node has to know of it."""

    has_service_python: bool = True
    """tasks have the Python of the service, rather than the system's"""
    first_id: int
    spawner: int
    groups: tuple[str, ...]
    memory_mib: int
    why: str
    """why the node is a machine, in a sentence"""


Answer = Ready | Refused

encode = msgspec.msgpack.Encoder().encode
plan = msgspec.msgpack.Decoder(Plan).decode
answer = msgspec.msgpack.Decoder(Answer).decode
