"""A program that holds a sandbox and does with it what it is asked, a line each way.

A sandbox takes all the children of its process and may kill them, so it cannot live in that of the tests.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import fcntl
import os
import struct
import sys
import termios
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from batchite.link.machines import Machine, Plan
from batchite.link.spec import NodeImage
from batchite.link.wrapping import Wrapping
from batchite.nodes.sandbox import bubblewrap, masks
from batchite.nodes.sandbox.base import Command, Limits, ProcessExit, Running, Sandbox, User
from batchite.nodes.sandbox.machine import MachineSandbox
from batchite.nodes.sandbox.process import ProcessSandbox
from batchite.nodes.sandbox.tree import TreeError
from batchite.nodes.sandbox.user import UserSandbox
from batchite.wire.batch.login import Login

MEMORY_MIB = 512
PROCESSES = 200
"""of nodes that are machines"""


class Ask(msgspec.Struct, array_like=True):
    number: int
    what: str
    arguments: list[Any]


class Answer(msgspec.Struct, array_like=True):
    """`about`: the number of what was asked. A command that is over is another answer to its spawn."""

    about: int
    value: Any = None
    errno: int | None = None
    said: str = ""


TIERS: dict[str, Callable[[str, str, NodeImage], Sandbox]] = {
    "process": lambda node, called, _image: ProcessSandbox(node, "A test asked for it.", called),
    "machine": lambda node, _called, image: machine(node, image),
    "user": lambda node, _called, _image: user(node),
}


def user(node: str) -> UserSandbox:
    from batchite.engines.local.machines import python_places

    service = str(Path(node).parent)
    wrapping = Wrapping(
        name="conforming",
        why="A test asked for it.",
        processes=PROCESSES,
        memory=MEMORY_MIB << 20,
        shared=tuple(python_places()),
        hidden=(service, *masks.readable((service, *bubblewrap.TEMPORARY.values()))),
    )
    return UserSandbox(node, wrapping)


def machine(node: str, image: NodeImage) -> MachineSandbox:
    """Made as an engine does, and given back when this process ends."""
    from batchite.engines.local.cgroups import Groups
    from batchite.engines.local.cgroups import Limits as NodeLimits
    from batchite.engines.local.forging import Forge
    from batchite.engines.local.machines import Ranges, python_places

    name, groups, forge = (
        os.path.basename(node),
        Groups(Path(node).parent, limiting=True),
        Forge(Path(node).parent),
    )
    limiting = groups.limit(name, NodeLimits(MEMORY_MIB << 20, PROCESSES))
    first_id = Ranges(Path(node).parent).of(Path(node))
    plan = Plan(
        node=node,
        first_id=first_id,
        name="conforming",
        groups=limiting,
        root=image.root,
        layers=tuple(layer.directory for layer in image.layers),
        shared=() if image.has_system_python else tuple(python_places()),
    )
    pid, spawner = forge.make(plan)
    forge.close()

    def give_back() -> None:
        while not groups.end(name):
            time.sleep(0.01)

    atexit.register(give_back)
    told = Machine(
        has_service_python=not image.has_system_python,
        first_id=first_id,
        spawner=pid,
        groups=limiting,
        memory_mib=MEMORY_MIB,
        why="A test asked for it.",
    )
    return MachineSandbox(node, told, spawner)


class Host:
    """One sandbox; methods are what can be asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._running: dict[int, Running] = {}
        self._terminals: dict[int, int] = {}
        self.is_over = asyncio.Event()

    def answer(self, ask: Ask) -> None:
        try:
            value = getattr(self, ask.what)(ask.number, *ask.arguments)
        except TreeError as error:
            say(Answer(ask.number, errno=0, said=error.reason))
        except OSError as error:
            say(Answer(ask.number, errno=error.errno, said=str(error)))
        else:
            say(Answer(ask.number, value))

    def about(self, _number: int) -> list[Any]:
        return [self._sandbox.tier, self._sandbox.root, dict(self._sandbox.environment)]

    def prepare(self, _number: int, directory: list[str], user: list[Any]) -> None:
        self._sandbox.prepare(directory, User(*user))

    def use(self, _number: int) -> list[Any]:
        return [*self._sandbox.use()]

    def holds(self, _number: int, directory: list[str]) -> bool:
        return self._sandbox.holds(directory)

    def discard(self, _number: int, directory: list[str]) -> None:
        self._sandbox.discard(directory)

    def land(
        self, _number: int, directory: list[str], user: list[Any], names: list[str], mode: int, text: str
    ) -> None:
        landing = self._sandbox.landing(directory, User(*user))
        try:
            with open(landing.create(names, mode), "w") as file:
                file.write(text)
        finally:
            landing.close()

    def unpack(self, _number: int, directory: list[str], archive: str) -> None:
        """`archive` in base64."""
        parcel = self._sandbox.parcel(directory)
        try:
            os.write(parcel.archive, base64.b64decode(archive))
            parcel.unpack(0)
        finally:
            parcel.close()

    def has(self, _number: int, directory: list[str]) -> bool:
        return self._sandbox.has(directory)

    def make(self, _number: int, directory: list[str], user: list[Any], names: list[str]) -> None:
        landing = self._sandbox.landing(directory, User(*user))
        try:
            landing.make_directory(names)
        finally:
            landing.close()

    def read(self, _number: int, path: str) -> str:
        with open(self._sandbox.files.open(path)) as file:
            return file.read()

    def lend(self, _number: int, file: str) -> str:
        return self._sandbox.lend(file)

    def know(self, _number: int, hosts: list[str]) -> None:
        self._sandbox.know(hosts)

    def introduce(self, _number: int, logins: list[Any]) -> None:
        self._sandbox.introduce([Login(*login) for login in logins])

    def keep(self, _number: int) -> bool:
        return self._sandbox.keep()

    def spawn(
        self,
        number: int,
        words: list[str],
        environment: dict[str, str],
        directory: list[str],
        user: list[Any],
        limits: list[Any],
    ) -> None:
        command = Command(words, environment, directory, User(*user), Limits(*limits))
        self._running[number] = self._sandbox.spawn(command, partial(self._over, number))

    def spawn_on_terminal(
        self,
        number: int,
        words: list[str],
        environment: dict[str, str],
        directory: list[str],
        user: list[Any],
    ) -> None:
        ours, theirs = os.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 30, 90, 0, 0))
        command = Command(words, environment, directory, User(*user), terminal=theirs)
        try:
            self._running[number] = self._sandbox.spawn(command, partial(self._over, number))
        finally:
            os.close(theirs)
        self._terminals[number] = ours

    def type(self, _number: int, spawned: int, text: str) -> None:
        os.write(self._terminals[spawned], text.encode())

    def read_terminal(self, _number: int, spawned: int) -> str:
        """What comes next."""
        return os.read(self._terminals[spawned], 1 << 16).decode()

    def terminate(self, _number: int, spawned: int) -> None:
        self._running[spawned].terminate()

    def kill(self, _number: int, spawned: int) -> None:
        self._running[spawned].kill()

    def end(self, number: int, grace: float) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end(number, grace))

    async def _end(self, number: int, grace: float) -> None:
        await self._sandbox.end(grace)
        say(Answer(number, "ended"))

    def close(self, _number: int) -> None:
        self._sandbox.close()
        self.is_over.set()

    def _over(self, number: int, end: ProcessExit | OSError) -> None:
        if isinstance(end, OSError):
            say(Answer(number, errno=end.errno, said=str(end)))
        else:
            say(Answer(number, end))


def say(answer: Answer) -> None:
    os.write(sys.stdout.fileno(), msgspec.json.encode(answer) + b"\n")


async def main(tier: str, node: str, called: str, image: str) -> None:
    host = Host(TIERS[tier](node, called, msgspec.json.decode(image, type=NodeImage)))
    loop = asyncio.get_running_loop()

    def read() -> None:
        line = sys.stdin.buffer.readline()
        if line:
            host.answer(msgspec.json.decode(line, type=Ask))
        else:
            loop.remove_reader(sys.stdin.fileno())
            host.is_over.set()

    loop.add_reader(sys.stdin.fileno(), read)
    await host.is_over.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
