"""The seam between the agent and whatever keeps a node apart from the machine.

A `Sandbox` owns a node's tree, its users and the ends of its processes: every spawn and every kill goes
through it, and whatever is written, read or removed below the node's directory. Nothing else in the agent
knows how processes are held together, where the tree really lies, or what number a user has.

A directory of the tree is given as the names that lead to it from the node's root. What tasks planted
there or on the way (symbolic links above all) is never followed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from batchite.nodes.sandbox.tree import Tree
from batchite.nodes.sandbox.use import Use
from batchite.wire.batch.login import Login
from batchite.wire.batch.outcome import UNUSED, Used

TASK_MARK = "AZ_BATCH_TASK_DIR"
"""The variable that is in the environment of every command: its run's directory, as tasks are told it."""
SIGNALLED = 128
"""What shells add to the number of the signal that killed a process, and so does Batch."""
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""where the programs of a system are"""

Names: TypeAlias = Sequence[str]


class Tier(NamedTuple):
    """How far a node is apart from the machine."""

    name: Literal["machine", "user", "process"]
    why: str
    """why it is this one and, unless it is the first, none before it: a sentence"""


class User(NamedTuple):
    """As whom a command runs, as it is told it. Numbers are the sandbox's own matter."""

    name: str
    """such as `_azbatch`; `root` for every administrator that is no user account of the pool"""
    identity: str
    """such as `PoolNonAdmin`"""
    is_admin: bool = False
    number: int | None = None
    """that it is to have, where the sandbox gives numbers"""


class Limits(NamedTuple):
    """What a command may use, with all that it starts; a sandbox that cannot hold it to this does not."""

    memory: int | None = None
    """bytes"""
    processes: int | None = None
    cpus: float | None = None


UNLIMITED = Limits()


class Command(msgspec.Struct, frozen=True):
    """A program call, with everything it inherits."""

    words: list[str]
    """the program, by its path or to be found by the environment's PATH, and its arguments"""
    environment: dict[str, str]
    directory: Names
    """the run's, in which stdout.txt and stderr.txt are; `wd` below it is where the command works"""
    user: User
    limits: Limits = UNLIMITED
    terminal: int | None = None
    """a descriptor, which stays the caller's, of a terminal that is to be its own instead of output files"""


class ProcessExit(NamedTuple):
    """How a command's first process ended, and what it used together with those that it waited for, and with
    those that it left behind as far as the sandbox knows whose they were."""

    code: int | None
    """None if a signal ended it"""
    signal: int | None = None
    is_memory: bool = False
    """killed since a limit of memory was reached; False where nobody can tell"""
    used: Used = UNUSED
    was_asked: bool = False
    """it was told to end, or killed, while it ran: perhaps it would have gone on"""

    @classmethod
    def of(cls, status: int, used: Used, *, is_memory: bool = False, was_asked: bool = False) -> ProcessExit:
        """Of what the kernel says of a process that was waited for; `status` as `wait4` gives it."""
        code = os.waitstatus_to_exitcode(status)
        by_itself, by_signal = (code, None) if code >= 0 else (None, -code)
        return cls(by_itself, by_signal, is_memory, used, was_asked)

    @property
    def status(self) -> int:
        """As `wait4` gives it."""
        return self.code << 8 if self.code is not None else self.signal or 0

    @property
    def exit_code(self) -> int:
        """In one number, as shells report it: the code, or 128 and the signal."""
        return self.code if self.code is not None else SIGNALLED + (self.signal or 0)


Over: TypeAlias = Callable[[ProcessExit | OSError], None]
"""Told once, and never from within `spawn`: how the command ended, once nothing of it runs any more, or
why its program could not be started."""


class Running(Protocol):
    """A command that was spawned. Once it has ended, its methods do nothing, and its exit tells of none."""

    def terminate(self) -> None:
        """Ask it to end (SIGTERM)."""
        ...

    def kill(self) -> None:
        """Make it end (SIGKILL)."""
        ...


class Landing(Protocol):
    """Where the files of one run land: a directory of the tree, held open. All names lead down from it, and
    what is made on the way is the user's. Methods raise OSError."""

    def create(self, names: Names, mode: int) -> int:
        """A descriptor to write a new file with, whatever had its name before."""
        ...

    def make_directory(self, names: Names) -> None: ...

    def free_bytes(self) -> int:
        """That the file system has left."""
        ...

    def close(self) -> None: ...


class Parcel(Protocol):
    """A zip archive that is about to be a directory of the tree, of the node's own and readable for all."""

    @property
    def archive(self) -> int:
        """A descriptor to write the archive with, from its beginning."""
        ...

    def unpack(self, reserved: int) -> None:
        """The directory is there as a whole or not at all, whatever ends the agent. To be called in a thread.
        Raises ZipError, and OSError, also where less than `reserved` bytes of the disk would be left."""
        ...

    def close(self) -> None:
        """Remove what has not become the directory."""
        ...


class Sandbox(Protocol):
    """One node, whose directories exist once it is made."""

    @property
    def tier(self) -> Tier: ...

    @property
    def root(self) -> str:
        """The node's root directory, as tasks are told it."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What every command of the node begins with, such as PATH; what else it is given goes before."""
        ...

    def lend(self, file: str) -> str:
        """The path by which the node's users read a file of this machine that holds nothing of anybody's, as
        it is now. Raises OSError."""
        ...

    def know(self, hosts: Sequence[str]) -> None:
        """Have commands that are spawned from now on find these lines in the hosts file instead of those
        that were given before, in a node that has such a file of its own."""
        ...

    @property
    def files(self) -> Tree:
        """What lies below the node's root, to be read and, by those who own the node, deleted."""
        ...

    def prepare(self, directory: Names, user: User) -> None:
        """Make a run's empty directory, and `wd` in it, for a user. What lay there is out of sight at once,
        and removed without making anybody wait. Raises OSError."""
        ...

    def holds(self, directory: Names) -> bool:
        """Whether a run can go on in this directory."""
        ...

    def discard(self, directory: Names) -> None:
        """Remove it with all that is in it, as `prepare` does; whatever runs there goes on. Raises OSError,
        but not where there is none."""
        ...

    def landing(self, directory: Names, user: User) -> Landing:
        """For files of the user in a run's `wd`; to be closed. Raises OSError."""
        ...

    def has(self, directory: Names) -> bool:
        """Whether this directory of the tree is there."""
        ...

    def parcel(self, directory: Names) -> Parcel:
        """For a new directory, whose parent is one of the documented ones; to be closed. Raises OSError."""
        ...

    def note(self, directory: Names, name: str, user: User) -> int:
        """A descriptor to write a new file of this name with, beside a run's stdout.txt; that of the run
        before gets another name. Raises OSError."""
        ...

    def spawn(self, command: Command, over: Over) -> Running:
        """Start a command in the `wd` of its directory, with stdout and stderr to new files; those of the run
        before get another name. Raises OSError, if these cannot be had; `over` is never called then.

        When the command's first process ends, whatever it left behind is killed before `over` is told. Azure
        lets such processes go on; here a completed task is over.
        """
        ...

    def introduce(self, logins: Sequence[Login]) -> None:
        """Have the node know these users, by whom people log in, and no others; where a node has no users of
        its own, nothing. Times of ends are as exact as the system has them, which is to the day."""
        ...

    def use(self) -> Use:
        """What the node uses now, with its agent. To be called in a thread: it takes some milliseconds, or a
        second where there are very many files. Raises OSError."""
        ...

    def keep(self) -> bool:
        """To be called every second: puts right what others tidied away. False if the node's directory is
        gone."""
        ...

    async def end(self, grace: float) -> None:
        """End everything that runs, and start nothing any more: asked first, killed after `grace` seconds;
        waits until all is gone."""
        ...

    def close(self) -> None:
        """Give back what the sandbox holds of the agent's process; nothing may run any more."""
        ...
