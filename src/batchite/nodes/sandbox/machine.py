"""The sandbox of a node that is a small machine: the agent is outside, everything else inside.

The node has its own processes, mounts, names and users, and sees of this machine's system what it may change
for itself (`overlay`, `masks`). The forge has made it before the agent began; the agent writes its tree from
outside and asks the node's first process, the spawner, to start commands. When the agent ends, however that
happens, the spawner reads the end of their socket and ends, and the kernel kills whatever else is in the
node. The other way round the agent ends at once: a machine that stopped working has nothing more to tell.
"""

from __future__ import annotations

import contextlib
import os
import socket
import zlib
from collections.abc import Sequence

from batchite.link import machines
from batchite.link.machines import Machine
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import SYSTEM_PATH, Command, Over, Running, Tier, User
from batchite.nodes.sandbox.disk import ROOT
from batchite.nodes.sandbox.masks import NOBODY, USERS
from batchite.nodes.sandbox.members import Members
from batchite.nodes.sandbox.on_disk import PYTHON, OnDisk, environment
from batchite.nodes.sandbox.requests import Person
from batchite.nodes.sandbox.slots import Slots
from batchite.nodes.sandbox.spawner import GROUP
from batchite.nodes.sandbox.use import Use, measure
from batchite.wire.batch.login import Login
from batchite.wire.ticks import TICKS_PER_DAY

_TOOLS = "tools"
_SHARED = ("fsmounts", "shared", "startup", "volatile")
"""directories below the root in which all users may make files"""
_OTHERS = 2000, 60000
"""The first number of users that no file tells of, and how many there are."""


class MachineSandbox(OnDisk):
    """Must be made in a running loop; `spawner` is the socket by which the node lives."""

    def __init__(self, node: str, machine: Machine, spawner: socket.socket) -> None:
        """`node`: the node's directory. Raises OSError."""
        os.umask(0o022)  # the node's users go where this process makes ways, however the service was begun
        self.tier = Tier("machine", machine.why)
        self.root = machines.ROOT
        self._machine = machine
        super().__init__(node, self._give)
        self._share()
        self.environment = {"PATH": ":".join(SYSTEM_PATH)}
        if machine.has_service_python:
            self._make_tools()
            self.environment = environment(machines.TOOLS)
        self._members = Members(self.root, spawner, Slots(machine.groups, machine.spawner))

    def lend(self, file: str) -> str:
        from pathlib import Path  # only here: few nodes are lent anything

        from batchite.machine import private_file

        name = os.path.basename(file)
        theirs = Path(self._node, _TOOLS, name)  # where nobody in the node may write
        theirs.parent.mkdir(mode=0o755, exist_ok=True)
        private_file.replace(theirs, Path(file).read_bytes())
        theirs.chmod(0o644)
        return f"{machines.TOOLS}/{name}"

    def know(self, hosts: Sequence[str]) -> None:
        self._members.know(hosts)

    def spawn(self, command: Command, over: Over) -> Running:
        opened = self._disk.open(command.directory, command.user)
        try:
            streams = opened[1:]
            if command.terminal is not None:
                self._give(command.terminal, command.user)
                streams = command.terminal, command.terminal
            return self._members.spawn(command, number_of(command.user), streams, over)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def introduce(self, logins: Sequence[Login]) -> None:
        self._members.introduce([_person(login) for login in logins])

    def use(self) -> Use:
        return measure(self._node, (os.getpid(), self._machine.spawner))

    async def end(self, grace: float) -> None:
        await self._members.end(grace)

    def close(self) -> None:
        self._members.close()
        super().close()

    def _give(self, descriptor: int, user: User) -> None:
        number = number_of(user)
        first = self._machine.first_id
        os.fchown(descriptor, first + number, first + (GROUP if number else 0))

    def _share(self) -> None:
        first = self._machine.first_id
        with inside.opened(inside.top(self._node)) as node:
            for name in ("", *_SHARED):
                with inside.opened(inside.enter(node, [ROOT, name] if name else [ROOT])) as directory:
                    os.fchown(directory, first, first + GROUP if name else first)
                    os.fchmod(directory, 0o2775 if name else 0o755)

    def _make_tools(self) -> None:
        """In a directory that nobody in the node may write to."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{self._node}/{_TOOLS}", 0o755)
        if not self._make_python(_TOOLS):
            return
        owner = self._machine.first_id + GROUP
        for place, directories, files in os.walk(f"{self._node}/{_TOOLS}/{PYTHON}"):
            for name in (".", *directories, *files):
                os.chown(os.path.join(place, name), owner, owner, follow_symlinks=False)


def _person(login: Login) -> Person:
    number = number_of(User(login.name, login.name))
    day = -(-login.expires // TICKS_PER_DAY)
    return Person(login.name, number, login.is_admin, day, login.password or "", login.ssh_public_key or "")


def number_of(user: User) -> int:
    """Of a user of the node, in the node; always the same for a name."""
    if user.is_admin:
        return 0
    if user.number is not None and user.number < NOBODY:
        return user.number
    known = USERS.get(user.name)
    first, many = _OTHERS
    return known if known is not None else first + zlib.crc32(user.name.encode()) % many
