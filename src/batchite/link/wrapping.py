"""Nodes whose system is this machine's, seen from behind a wall: what the agent of one is told of it.

The agent makes such a node itself, by bubblewrap, which needs no rights but those to make namespaces.
"""

from __future__ import annotations

import msgspec

VARIABLE = "BATCHITE_WRAPPING"
"""the variable that names the file with an agent's `Wrapping`; not there if the node has none"""
FILE_NAME = "wrapping.json"
"""of that file, in the node's own directory"""

TRIAL = "batchite.nodes.sandbox.trial"
"""the module that finds out whether such nodes can be made: it reads a `Wrapping` and prints a `Verdict`"""


class Wrapping(msgspec.Struct, frozen=True, kw_only=True):
    """What a node sees of this machine, beside its system."""

    name: str
    """as host name"""
    why: str
    """why the node is of this tier, in a sentence"""
    processes: int
    """and threads that there may be in it at a time, where the kernel counts those of a node by themselves"""
    memory: int = 0
    """bytes that its commands may have together; 0: as many as they like"""
    shared: tuple[str, ...] = ()
    """paths that the node sees as well, and cannot change"""
    hidden: tuple[str, ...] = ()
    """paths that it does not see, although they are below one that it sees"""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    reason: str
    """why no such node can be made, in a sentence; empty if one was made"""
    secrets: tuple[str, ...] = ()
    """what of the system nodes must not see: the service's user may read it, and not everybody"""
