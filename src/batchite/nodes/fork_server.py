"""`python -m batchite.nodes.fork_server DESCRIPTOR PADDING`: forks agents that need import nothing any more.

Imports are most of an agent's start. Here they are made once, and agents share the memory that they take. An
agent is a process like one that was started by itself: in a session of its own, with words of its own, by
which an engine finds it, and with its node's descriptors and environment; it goes on when the server ends.
The server starts with next to no environment, has a single thread, holds nothing of any node, and ends with
its engine.

`PADDING` makes room for the words of agents, which are written over the server's own.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import NamedTuple

from batchite.link import fork_server
from batchite.link.fork_server import Answer, Refused, Start, Started
from batchite.link.machines import SOCKET_VARIABLE
from batchite.machine import passing
from batchite.nodes import __main__ as agent

_FIRST_OF_WORDS, _END_OF_WORDS = 45, 46
"""in what the kernel says of a process after its name: addresses"""


class Birth(NamedTuple):
    """What an agent that was just forked has to become."""

    start: Start
    descriptors: list[int]
    server: int
    told: int
    """a pipe to the server: whatever is written says that the agent is there"""


def serve(engine: socket.socket) -> Birth | None:
    """Returns in each agent, and, with None, in the server when the engine is gone. Raises OSError."""
    receiver = passing.Receiver(engine)
    while (messages := receiver.receive()) is not None:
        for content, descriptors in messages:
            if _is_gone(engine):  # it can note down no agent any more
                return None
            birth = _answer(engine, fork_server.start(content), descriptors)
            if birth is not None:
                return birth
    return None


def _is_gone(engine: socket.socket) -> bool:
    try:
        return not engine.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


def _answer(engine: socket.socket, start: Start, descriptors: list[int]) -> Birth | None:
    server = os.getpid()
    hears, told = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
    except OSError as error:
        answer: Answer = Refused(error.strerror or str(error))
        os.close(told)
    else:
        if pid == 0:
            engine.close()
            os.close(hears)
            return Birth(start, descriptors, server, told)
        os.close(told)
        answer = Started(pid) if os.read(hears, 1) else Refused("it ended before it was an agent")
    for descriptor in (hears, *descriptors):
        os.close(descriptor)
    passing.send(engine, fork_server.encode(answer))
    return None


def _become(birth: Birth) -> None:
    """The process is the agent from here on. Raises what `rename` raises, and OSError."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log, *spawner = birth.descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.update(birth.start.variables)
    if spawner:
        os.environ[SOCKET_VARIABLE] = str(spawner[0])
    sys.argv = birth.start.words[-2:]
    rename(birth.start.words)
    if os.getppid() != birth.server:  # nobody is told, and another may be started instead
        raise ChildProcessError("the server is gone")
    os.write(birth.told, b"x")
    os.close(birth.told)


def rename(words: Sequence[str]) -> None:
    """Have everybody see these words as the command line, with some empty ones after the first. Raises
    OSError where the kernel does not let them be written, and ValueError if there is no room."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    first, end = int(fields[_FIRST_OF_WORDS]), int(fields[_END_OF_WORDS])
    program, *others = (os.fsencode(word) + b"\0" for word in words)
    rest = b"".join(others)
    blank = end - first - len(program) - len(rest)
    if blank < 0:
        raise ValueError(f"{-blank} bytes too few for the words of the agent")
    memory = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(memory, program + b"\0" * blank + rest, first)
    finally:
        os.close(memory)


def main() -> int:
    engine = socket.socket(fileno=int(sys.argv[1]))
    engine.set_inheritable(False)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to bury agents
    gc.collect()
    gc.freeze()  # pages that are not written to stay shared with the agents
    birth = None
    with contextlib.suppress(OSError):
        birth = serve(engine)
    if birth is None:
        return 0
    _become(birth)
    return agent.main()


if __name__ == "__main__":
    sys.exit(main())
