"""Shells in the node for whoever owns it: by a socket in the node's directory, on terminals that they bring.

A shell is a command as those of tasks are, with their environment, and ends with its terminal, its connection
or its node, and with it all that it has started.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import socket
import struct
import sys

import msgspec

from batchite.link import shells
from batchite.link.shells import Answer, Ended, Open, Refused
from batchite.machine import passing
from batchite.nodes.definition import EnvironmentSetting
from batchite.nodes.directories import RunDirectory
from batchite.nodes.environment import Environments
from batchite.nodes.places import Place
from batchite.nodes.sandbox.base import Command, ProcessExit, Running, Sandbox, User

_CREDENTIALS = struct.Struct("3i")
_USER = User("_azbatch", "PoolNonAdmin")
_ADMIN = User("root", "PoolAdmin", is_admin=True)
_PARENT = ("volatile", "shells")
_START = """cd "$AZ_BATCH_NODE_ROOT_DIR"
if [ $# -gt 0 ]; then exec "$@"; fi
if [ -x /bin/bash ]; then exec /bin/bash; fi
exec /bin/sh"""


class Shells:
    """Serves until it is closed; must be made in a running loop. A node without its socket has no shells."""

    def __init__(self, node: str, sandbox: Sandbox, environments: Environments) -> None:
        """`node`: the node's directory."""
        self._sandbox = sandbox
        self._environments = environments
        self._numbers = itertools.count(1)
        self._open: set[Shell] = set()
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        try:
            self._socket = _listen(node)
        except OSError as error:
            print(f"No shells can be opened in the node: {error}.", file=sys.stderr, flush=True)
        else:
            self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        for shell in list(self._open):
            shell.close()

    def _accept(self) -> None:
        assert self._socket is not None  # noqa: S101 - it is what was ready
        with contextlib.suppress(OSError):
            connection, _ = self._socket.accept()
            if not _is_owner(connection):
                connection.close()
                return
            connection.setblocking(False)
            self._open.add(Shell(self, connection))

    def forget(self, shell: Shell) -> None:
        self._open.discard(shell)

    def spawn(self, asked: Open, terminal: int, shell: Shell) -> tuple[Running, tuple[str, ...]]:
        """Start it; returns also the names of its directory. Raises OSError."""
        user = _ADMIN if asked.elevated else _USER
        names = (*_PARENT, str(next(self._numbers)))
        self._sandbox.prepare(names, user)
        directory = RunDirectory(names, "/".join((self._sandbox.root, *names)))
        place = Place(directory, user, (EnvironmentSetting("TERM", asked.terminal),))
        words = ["/bin/sh", "-c", _START, "sh", *asked.words]
        command = Command(words, self._environments.of(place), names, user, terminal=terminal)
        return self._sandbox.spawn(command, shell.over), names

    def discard(self, names: tuple[str, ...]) -> None:
        with contextlib.suppress(OSError):
            self._sandbox.discard(names)


class Shell:
    """One connection."""

    def __init__(self, shells_: Shells, connection: socket.socket) -> None:
        self._shells = shells_
        self._connection = connection
        self._receiver = passing.Receiver(connection)
        self._running: Running | None = None
        self._names: tuple[str, ...] = ()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._read)

    def close(self) -> None:
        """Once is enough. What runs is killed, and tells nobody any more."""
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection)
            self._receiver.close()
            self._connection.close()
        if self._running is not None:
            self._running.kill()
        self._shells.forget(self)

    def over(self, end: ProcessExit | OSError) -> None:
        self._running = None
        self._shells.discard(self._names)
        if isinstance(end, OSError):
            self._answer(Refused(end.strerror or str(end)))
        else:
            self._answer(Ended(end.exit_code))

    def _read(self) -> None:
        messages = self._receiver.look()
        if messages is None:
            self.close()
            return
        for content, descriptors in messages:
            try:
                self._start(content, descriptors)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _start(self, content: bytes, descriptors: list[int]) -> None:
        try:
            asked = shells.request(content)
            if self._names or len(descriptors) != 1 or not os.isatty(descriptors[0]):
                raise OSError(errno.EINVAL, "one terminal is wanted, once")
            self._running, self._names = self._shells.spawn(asked, descriptors[0], self)
        except msgspec.DecodeError:
            self._answer(Refused("that was not understood; is the agent older than the command?"))
        except OSError as error:
            self._answer(Refused(error.strerror or str(error)))

    def _answer(self, answer: Answer) -> None:
        if self._connection.fileno() >= 0:
            with contextlib.suppress(OSError):
                data = passing.framed(shells.encode(answer))
                self._connection.send(data, socket.MSG_NOSIGNAL)
        self.close()


def _listen(node: str) -> socket.socket:
    """By a path that is short however long the node's is. Raises OSError."""
    directory = os.open(node, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(shells.SOCKET, dir_fd=directory)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listening.bind(f"/proc/self/fd/{directory}/{shells.SOCKET}")
            os.chmod(shells.SOCKET, 0o600, dir_fd=directory)
            listening.listen(8)
        except OSError:
            listening.close()
            raise
        return listening
    finally:
        os.close(directory)


def _is_owner(connection: socket.socket) -> bool:
    """Whether whoever connects is the user who runs the service, or this machine's root."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(found)
    return user in (0, os.geteuid())
