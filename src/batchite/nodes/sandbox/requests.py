"""What the agent asks of its node's spawner, and what that tells, over one socket (`machine.passing`)."""

from __future__ import annotations

import msgspec

READY = b"r"
"""What a spawner that was started as a program says first of all, before its messages."""


class Start(msgspec.Struct, frozen=True, tag="s", array_like=True):
    """Start a command. Its descriptors: stdout, stderr, and then one for each list of members of the groups
    that it is to be born in."""

    key: int
    """by which the agent knows the run; never used twice"""
    words: list[str]
    environment: dict[str, str]
    directory: str
    """the working directory, as the node sees it"""
    user: int
    """its number in the node; 0 is the spawner's own user, who is root in a machine"""
    name: str
    """by which the node shall know it"""


class Signal(msgspec.Struct, frozen=True, tag="k", array_like=True):
    """For the process group of a command that has not ended."""

    key: int
    number: int


class Failed(msgspec.Struct, frozen=True, tag="f", array_like=True):
    """The command could not be started."""

    key: int
    error: int
    """errno"""
    reason: str


class Ended(msgspec.Struct, frozen=True, tag="e", array_like=True):
    """The first process of a command ended, having used this with those that it waited for."""

    key: int
    status: int
    """as the kernel says it"""
    user_seconds: float
    kernel_seconds: float
    peak_bytes: int


Request = Start | Signal
Told = Failed | Ended

encode = msgspec.msgpack.Encoder().encode
request = msgspec.msgpack.Decoder(Request).decode
told = msgspec.msgpack.Decoder(Told).decode
