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
import sys
import zlib

from batchite.link import machines
from batchite.link.machines import Machine
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import SYSTEM_PATH, Command, Names, Over, Running, Tier, User
from batchite.nodes.sandbox.disk import ROOT, Disk
from batchite.nodes.sandbox.landing import DirectoryLanding
from batchite.nodes.sandbox.masks import USERS
from batchite.nodes.sandbox.members import Members
from batchite.nodes.sandbox.python import NodePython
from batchite.nodes.sandbox.slots import Slots
from batchite.nodes.sandbox.spawner import GROUP
from batchite.nodes.sandbox.tree import Tree
from batchite.nodes.sandbox.use import Use, measure

_TOOLS = "tools"
_PYTHON = "python"
_SHARED = ("applications", "fsmounts", "shared", "startup", "volatile")
"""directories below the root in which all users may make files"""
_OTHERS = 2000, 60000
"""The first number of users that no file tells of, and how many there are."""


class MachineSandbox:
    """Must be made in a running loop; `spawner` is the socket by which the node lives."""

    def __init__(self, node: str, machine: Machine, spawner: socket.socket) -> None:
        """`node`: the node's directory. Raises OSError."""
        self.tier = Tier("machine", machine.why)
        self.root = machines.ROOT
        self._node = os.path.realpath(node)
        self._machine = machine
        with inside.opened(inside.top(self._node)) as top:
            self._disk = Disk(top, self._give)
            self._share(top)
            self.files = Tree(ROOT, dir_fd=top)
            self.environment = {"PATH": ":".join(SYSTEM_PATH)}
            if machine.has_service_python:
                self._make_python(top)
                python = NodePython(f"{machines.TOOLS}/{_PYTHON}")
                path = (*python.programs, os.path.dirname(sys.executable), *SYSTEM_PATH)
                self.environment = {"PATH": ":".join(dict.fromkeys(path)), "PYTHONUSERBASE": python.user}
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

    def prepare(self, directory: Names, user: User) -> None:
        self._disk.prepare(directory, user)

    def holds(self, directory: Names) -> bool:
        return self._disk.holds(directory)

    def discard(self, directory: Names) -> None:
        self._disk.discard(directory)

    def landing(self, directory: Names, user: User) -> DirectoryLanding:
        return self._disk.landing(directory, user)

    def spawn(self, command: Command, over: Over) -> Running:
        opened = self._disk.open(command.directory, command.user)
        try:
            return self._members.spawn(command, number_of(command.user), opened[1:], over)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def use(self) -> Use:
        return measure(self._node, (os.getpid(), self._machine.spawner))

    def keep(self) -> bool:
        return os.path.isdir(f"{self._node}/{ROOT}")

    async def end(self, grace: float) -> None:
        await self._members.end(grace)

    def close(self) -> None:
        self._members.close()
        self.files.close()
        self._disk.close()

    def _give(self, descriptor: int, user: User) -> None:
        number = number_of(user)
        first = self._machine.first_id
        os.fchown(descriptor, first + number, first + (GROUP if number else 0))

    def _share(self, node: int) -> None:
        first = self._machine.first_id
        for name in ("", *_SHARED):
            with inside.opened(inside.enter(node, [ROOT, name] if name else [ROOT])) as directory:
                os.fchown(directory, first, first + GROUP if name else first)
                os.fchmod(directory, 0o2775 if name else 0o755)

    def _make_python(self, node: int) -> None:
        """In a directory that nobody in the node may write to."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(_TOOLS, 0o755, dir_fd=node)
        python = NodePython(f"{self._node}/{_TOOLS}/{_PYTHON}")
        if python.is_made:
            return
        with inside.opened(inside.enter(node, [_TOOLS])) as tools:
            self._disk.throw_away(_PYTHON, tools)
        python.make()
        owner = self._machine.first_id + GROUP
        for place, directories, files in os.walk(python.path):
            for name in (".", *directories, *files):
                os.chown(os.path.join(place, name), owner, owner, follow_symlinks=False)


def number_of(user: User) -> int:
    """Of a user of the node, in the node; always the same for a name."""
    if user.is_admin:
        return 0
    known = USERS.get(user.name)
    first, many = _OTHERS
    return known if known is not None else first + zlib.crc32(user.name.encode()) % many
