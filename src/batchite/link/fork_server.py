"""Agents that are forked from a process which has imported what they need: what an engine asks of it.

With a request go the descriptors of the agent's log and, if its node is a machine, of its spawner's socket.
"""

from __future__ import annotations

import msgspec

MODULE = "batchite.nodes.fork_server"


class Start(msgspec.Struct, frozen=True, tag="start"):
    words: list[str]
    """of the agent's command line, by which engines find it; the last is the node's directory"""
    variables: dict[str, str]
    """beside those that the server was started with"""


class Started(msgspec.Struct, frozen=True, tag="started"):
    pid: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """No agent was started."""

    reason: str


Answer = Started | Refused

encode = msgspec.msgpack.Encoder().encode
start = msgspec.msgpack.Decoder(Start).decode
answer = msgspec.msgpack.Decoder(Answer).decode
