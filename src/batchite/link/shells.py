"""What somebody who opens a shell in a node says to its agent, over a socket in the node's directory.

Only who owns the node's directory gets at that socket, and an agent looks who it is. With `Open` goes a
descriptor of a terminal, whose other end stays with who asks: keys, sizes of windows and hang-ups are between
the two ends, and no agent's matter. Whoever closes the connection ends the shell.
"""

from __future__ import annotations

import msgspec

SOCKET = "shell.sock"
"""in the node's directory"""


class Open(msgspec.Struct, frozen=True):
    words: list[str]
    """of a command; none: a shell"""
    elevated: bool
    terminal: str
    """its kind, as TERM has it"""


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    exit_code: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    reason: str


Answer = Ended | Refused

encode = msgspec.msgpack.Encoder().encode
request = msgspec.msgpack.Decoder(Open).decode
answer = msgspec.msgpack.Decoder(Answer).decode
