"""What the agent asks of its node's spawner, and what that tells, over one socket (`machine.passing`)."""

from __future__ import annotations

import msgspec

from batchite.wire.batch.outcome import Used

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
    has_terminal: bool = False
    """stdout and stderr are a terminal, which is to be the command's own"""


class Signal(msgspec.Struct, frozen=True, tag="k", array_like=True):
    """For the process group of a command that has not ended."""

    key: int
    number: int


class Names(msgspec.Struct, frozen=True, tag="n", array_like=True):
    """Have these lines in the hosts file of the node, instead of those it was given before."""

    hosts: tuple[str, ...]


class Person(msgspec.Struct, frozen=True, array_like=True):
    """A user of the node by whom people log in."""

    name: str
    number: int
    is_admin: bool
    expires: int
    """the day on which nobody logs in any more, counted from 1970"""
    password: str
    """its hash; empty: nobody logs in by one"""
    key: str
    """of SSH; empty: none"""


class People(msgspec.Struct, frozen=True, tag="p", array_like=True):
    """These are all of them."""

    people: tuple[Person, ...]


class Noted(msgspec.Struct, frozen=True, tag="t", array_like=True):
    """Something for the agent's log."""

    text: str


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
    used: Used
    is_memory: bool = False
    """it was killed since the node took more memory than it may, and this command most of it"""
    was_asked: bool = False
    """it was given a signal while it ran"""


Request = Start | Signal | Names | People
Told = Failed | Ended | Noted

encode = msgspec.msgpack.Encoder().encode
request = msgspec.msgpack.Decoder(Request).decode
told = msgspec.msgpack.Decoder(Told).decode
