"""The tests' end of a sandbox in a process of its own."""

from __future__ import annotations

import base64
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.nodes.sandbox import hosting, unprivileged
from tests.nodes.sandbox.hosting import Answer, Ask

from batchite.engines.local.cgroups import Groups
from batchite.link.spec import NodeImage
from batchite.nodes.sandbox.base import TASK_MARK, UNLIMITED, Limits, ProcessExit, Tier, User
from batchite.nodes.sandbox.use import Use
from batchite.wire.batch.login import Login

DEADLINE = 60.0
Directory = tuple[str, ...]
"""of a run, by the names that lead there"""
NO_IMAGE = NodeImage()
USER = User("_azbatch", "PoolNonAdmin")
ADMIN = User("root", "PoolAdmin", is_admin=True)


class RefusedError(Exception):
    """What the sandbox raised: of an OSError its number, of a TreeError 0 and its reason."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.errno}: {answer.said}")
        self.errno = answer.errno
        self.said = answer.said


class Spawned:
    """A command that was spawned."""

    def __init__(self, host: Hosted, number: int) -> None:
        self._host = host
        self._ask, self._answer = host._ask, host._answer
        self._number = number

    def terminate(self) -> None:
        self._ask("terminate", self._number)

    def terminate_after(self, end: Callable[[], None]) -> None:
        """At a moment when this has happened and the sandbox has heard nothing of it."""
        self._host.signal(signal.SIGSTOP)
        end()
        self._host.tell("terminate", self._number)
        self._host.signal(signal.SIGCONT)

    def kill(self) -> None:
        self._ask("kill", self._number)

    def type(self, text: str) -> None:
        self._ask("type", self._number, text)

    def wait_for(self, text: str) -> None:
        """On its terminal, after the size of its window."""
        seen = ""
        while text not in seen:
            seen += str(self._ask("read_terminal", self._number))
        assert seen.split()[:2] == ["30", "90"]

    def over(self, seconds: float = DEADLINE) -> ProcessExit:
        """Wait until it is told. Raises RefusedError if the program could not be started."""
        answer = self._answer(self._number, seconds)
        if answer.value is None:
            raise RefusedError(answer)
        return msgspec.convert(answer.value, ProcessExit)


class Hosted:
    """A sandbox over the node in this directory, and what else a test looks at."""

    def __init__(self, tier: str, node: Path, called: str = "", image: NodeImage = NO_IMAGE) -> None:
        node.mkdir(parents=True, exist_ok=True)
        self.node = node
        self.place = node / "root"
        """where the root lies, for those outside"""
        words = [
            sys.executable,
            hosting.__file__,
            tier,
            str(node),
            called,
            msgspec.json.encode(image).decode(),
        ]
        self.user = os.geteuid()
        """as whom this is done"""
        if tier == "user" and self.user == 0:
            words, self.user = _of_user(words, node), unprivileged.USER
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.pid = self._process.pid
        self._number = 0
        self._unread = b""
        self._answers: list[Answer] = []
        about = self._ask("about")
        self.tier = Tier(*about[0])
        self.root: str = about[1]
        """as tasks are told it"""
        self.environment: dict[str, str] = about[2]

    def prepare(self, directory: Sequence[str], user: User = USER) -> None:
        self._ask("prepare", directory, user)

    def holds(self, directory: Sequence[str]) -> bool:
        return bool(self._ask("holds", directory))

    def use(self) -> Use:
        return Use(*self._ask("use"))

    def discard(self, directory: Sequence[str]) -> None:
        self._ask("discard", directory)

    def land(
        self, directory: Sequence[str], path: str, text: str, mode: int = 0o770, user: User = USER
    ) -> None:
        self._ask("land", directory, user, path.split("/"), mode, text)

    def unpack(self, directory: Sequence[str], archive: bytes) -> None:
        self._ask("unpack", directory, base64.b64encode(archive).decode())

    def has(self, directory: Sequence[str]) -> bool:
        return bool(self._ask("has", directory))

    def make(self, directory: Sequence[str], path: str, user: User = USER) -> None:
        self._ask("make", directory, user, path.split("/"))

    def read(self, path: str) -> str:
        return str(self._ask("read", path))

    def lend(self, file: Path) -> str:
        return str(self._ask("lend", str(file)))

    def know(self, *hosts: str) -> None:
        self._ask("know", hosts)

    def introduce(self, *logins: Login) -> None:
        self._ask("introduce", logins)

    def keep(self) -> bool:
        return bool(self._ask("keep"))

    def spawn(
        self,
        directory: Sequence[str],
        *words: str,
        environment: dict[str, str] | None = None,
        user: User = USER,
        limits: Limits = UNLIMITED,
    ) -> Spawned:
        """Where a run was prepared."""
        given = {TASK_MARK: "/".join((self.root, *directory)), **self.environment, **(environment or {})}
        self._ask("spawn", words, given, directory, user, limits)
        return Spawned(self, self._number)

    def on_terminal(self, directory: Sequence[str], script: str, user: User = USER) -> Spawned:
        """Where nothing was prepared yet; on a terminal of 30 lines and 90 columns."""
        self.prepare(directory, user)
        given = {TASK_MARK: "/".join((self.root, *directory)), **self.environment}
        self._ask("spawn_on_terminal", ["/bin/sh", "-c", script], given, directory, user)
        return Spawned(self, self._number)

    def shell(self, directory: Sequence[str], script: str, user: User = USER) -> Spawned:
        """Where nothing was prepared yet."""
        self.prepare(directory, user)
        return self.spawn(directory, "/bin/sh", "-c", script, user=user)

    def said(self, directory: Sequence[str], stream: str = "stdout") -> str:
        """What a command wrote."""
        return self.place.joinpath(*directory, f"{stream}.txt").read_text()

    def lines(self, directory: Sequence[str], script: str, user: User = USER) -> list[str]:
        """That a script prints; it must succeed. Nothing was prepared yet."""
        over = self.shell(directory, script, user=user).over()
        assert over.exit_code == 0, self.said(directory, "stderr")
        return self.said(directory).splitlines()

    def end(self, grace: float) -> None:
        self._ask("end", grace)
        self._answer(self._number)

    def close(self) -> None:
        """In order, with all that runs."""
        if self._process.poll() is None:
            self.end(0.0)
            self._ask("close")
        self._close()

    def die(self) -> None:
        """Without a word."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._close()
        self._clear_up()

    def gone(self) -> None:
        """Wait for an end that nobody asked for."""
        self._process.wait(DEADLINE)
        self._close()
        self._clear_up()

    def _clear_up(self) -> None:
        """As an engine does."""
        groups, deadline = Groups(self.node.parent), time.monotonic() + DEADLINE
        while not groups.end(self.node.name):
            assert time.monotonic() < deadline, "some of the node's processes do not go"
            time.sleep(0.01)

    def _close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(DEADLINE)

    def signal(self, number: int) -> None:
        """To the process that holds the sandbox."""
        os.kill(self._process.pid, number)

    def tell(self, what: str, *arguments: Any) -> None:
        self._number += 1
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(Ask(self._number, what, list(arguments))) + b"\n")
        self._process.stdin.flush()

    def _ask(self, what: str, *arguments: Any) -> Any:
        self.tell(what, *arguments)
        answer = self._answer(self._number)
        if answer.errno is not None:
            raise RefusedError(answer)
        return answer.value

    def _answer(self, number: int, seconds: float = DEADLINE) -> Answer:
        while not (found := next((one for one in self._answers if one.about == number), None)):
            self._listen(seconds)
        self._answers.remove(found)
        return found

    def _listen(self, seconds: float) -> None:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        assert select.select([output], [], [], seconds)[0], "the sandbox says nothing"
        said = os.read(output, 1 << 16)
        assert said, "the sandbox is gone"
        *lines, self._unread = (self._unread + said).split(b"\n")
        self._answers += [msgspec.json.decode(line, type=Answer) for line in lines]


def _of_user(words: Sequence[str], node: Path) -> list[str]:
    """The same without the rights of root; everything in the test's own directory is that user's, too."""
    base = node.parent
    base.parent.chmod(0o711)
    for place in (base, *base.rglob("*")):
        os.chown(place, unprivileged.USER, unprivileged.USER, follow_symlinks=False)
    checkout = Path(hosting.__file__).parents[3]
    return unprivileged.words((checkout, base.parent), words)


@contextmanager
def hosted(tier: str, node: Path, called: str = "") -> Iterator[Hosted]:
    one = Hosted(tier, node, called)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def starting(tier: str, node: Path) -> Iterator[Callable[[], Hosted]]:
    """Sandboxes over one node, as many as are started one after the other."""
    started: list[Hosted] = []

    def start() -> Hosted:
        started.append(Hosted(tier, node))
        return started[-1]

    try:
        yield start
    finally:
        for one in started:
            one.close()


class Witness:
    """Knows by a fifo whether anybody who opened it is still there, whatever number he has."""

    def __init__(self, path: Path, told: str) -> None:
        os.mkfifo(path)
        path.chmod(0o666)
        self.told = told
        """its path for commands"""
        self._end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def close(self) -> None:
        os.close(self._end)

    def wait(self) -> bytes:
        """What those wrote who opened it, once there is something; nothing if all of them are gone."""
        assert select.select([self._end], [], [], DEADLINE)[0], "nobody wrote, or somebody is still there"
        return os.read(self._end, 1 << 16)

    @property
    def is_alone(self) -> bool:
        """Nobody has it open, nor is there anything left to read."""
        try:
            return os.read(self._end, 1) == b""
        except BlockingIOError:
            return False


@contextmanager
def witness(sandbox: Hosted, name: str) -> Iterator[Witness]:
    """In a node's shared directory."""
    one = Witness(sandbox.place / "shared" / name, f"{sandbox.root}/shared/{name}")
    try:
        yield one
    finally:
        one.close()
