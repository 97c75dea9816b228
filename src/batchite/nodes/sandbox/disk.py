"""What the agent itself writes of a node's tree: the directories of runs, their output files, and what it
removes.

Below the node's directory, which no task is told, lie `root`, the only part that the service reads files
from, and `waste`, what waits to be removed, and what is about to be a directory of it::

    root/applications  root/fsmounts  root/shared  root/startup  root/volatile
    root/workitems/{job}/job-1/{task}/{stdout.txt,stderr.txt,wd/}

A run begins in empty directories: what an earlier run left in the same place is moved away first. Only a
retry goes on where the run before left off, and has that one's output beside its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time

from batchite.machine import removal
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import Names, Parcel, User
from batchite.nodes.sandbox.landing import DirectoryLanding, Give
from batchite.wire.batch import directories

BEFORE = ".1"
"""What the output files of the run before end in; a pattern for output, `std*.txt`, does not mean them."""
ROOT = "root"
_WASTE = "waste"
_ROOT = User("root", "PoolAdmin", is_admin=True)
_OUTPUT = ("stdout.txt", "stderr.txt")
_DOCUMENTED: tuple[Names, ...] = (
    ("applications",),
    ("fsmounts",),
    ("shared",),
    ("volatile",),
    (directories.STARTUP,),
    (directories.STARTUP, directories.WORKING),
    (directories.WORKITEMS,),
)


class Disk:
    """Must be made in a running loop, whose threads remove things."""

    def __init__(self, node: int, give: Give | None = None) -> None:
        """`node`: a descriptor of the node's directory, which stays the caller's. `give` makes what was made
        for a user his own; where it is None, everything belongs to one. Raises OSError."""
        self._give = give
        for name in (_WASTE, ROOT):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=node)
        self._loop = asyncio.get_running_loop()
        self._era = time.time_ns()
        self._discards = itertools.count()
        self._waste = inside.enter(node, (_WASTE,))
        self._root = inside.enter(node, (ROOT,))
        for name in os.listdir(self._waste):  # which an earlier agent did not get round to removing
            self._remove(name)
        for names in _DOCUMENTED:
            self._make(names)

    def close(self) -> None:
        os.close(self._waste)
        os.close(self._root)

    def prepare(self, directory: Names, user: User) -> None:
        """As `Sandbox.prepare`, and so on for all that have the name of one of its methods."""
        *parents, name = directory
        with inside.opened(inside.enter(self._root, parents, make=True, made=self._keep)) as parent:
            self._make_anew(name, parent)
            with inside.opened(inside.enter(parent, (name,))) as made:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(directories.WORKING, dir_fd=made)
                if self._give is not None:
                    with inside.opened(inside.enter(made, (directories.WORKING,))) as working:
                        self._give(working, user)
                    self._give(made, user)

    def holds(self, directory: Names) -> bool:
        return self.has((*directory, directories.WORKING))

    def has(self, directory: Names) -> bool:
        try:
            os.close(inside.enter(self._root, directory))
        except OSError:
            return False
        return True

    def parcel(self, directory: Names) -> Parcel:
        from batchite.nodes.sandbox import parcels  # only here: few nodes are given packages

        name = self._new_waste()
        os.mkdir(name, 0o700, dir_fd=self._waste)
        place = inside.enter(self._waste, (name,))
        return parcels.Parcel(place, self._root, directory, self._keep, lambda: self._remove(name))

    def discard(self, directory: Names) -> None:
        *parents, name = directory
        with (
            contextlib.suppress(FileNotFoundError),
            inside.opened(inside.enter(self._root, parents)) as parent,
        ):
            self.throw_away(name, parent)

    def landing(self, directory: Names, user: User) -> DirectoryLanding:
        return DirectoryLanding(inside.enter(self._root, (*directory, directories.WORKING)), user, self._give)

    def open(self, directory: Names, user: User) -> tuple[int, int, int]:
        """Descriptors of the working directory and of new files for stdout and stderr, for the caller to
        close. Those of the run before get another name. Raises OSError."""
        found: list[int] = []
        try:
            with inside.opened(inside.enter(self._root, directory)) as place:
                found.append(inside.enter(place, (directories.WORKING,)))
                for name in _OUTPUT:
                    found.append(_open_output(name, place))
                    if self._give is not None:
                        self._give(found[-1], user)
        except BaseException:
            for descriptor in found:
                os.close(descriptor)
            raise
        working, output, errors = found
        return working, output, errors

    def note(self, directory: Names, name: str, user: User) -> int:
        with inside.opened(inside.enter(self._root, directory)) as place:
            descriptor = _open_output(name, place)
        try:
            if self._give is not None:
                self._give(descriptor, user)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def throw_away(self, name: str, directory: int) -> None:
        """Remove what has this name, if anything has, from a directory of the node: out of sight at once, and
        for good in a thread. Raises OSError."""
        target = self._new_waste()
        with contextlib.suppress(FileNotFoundError):
            os.rename(name, target, src_dir_fd=directory, dst_dir_fd=self._waste)
            self._remove(target)

    def _new_waste(self) -> str:
        return f"{self._era}-{next(self._discards)}"

    def _make(self, names: Names) -> None:
        """What tasks have put in the place of a documented directory is thrown away."""
        *parents, name = names
        with inside.opened(inside.enter(self._root, parents)) as parent:
            try:
                os.close(inside.enter(parent, (name,)))
            except OSError:
                self._make_anew(name, parent)
                with inside.opened(inside.enter(parent, (name,))) as made:
                    self._keep(made)

    def _keep(self, descriptor: int) -> None:
        """What leads to the directories of runs is the node's own."""
        if self._give is not None:
            self._give(descriptor, _ROOT)

    def _make_anew(self, name: str, directory: int) -> None:
        """An empty directory, whatever had its name before."""
        try:
            os.mkdir(name, dir_fd=directory)
        except FileExistsError:
            self.throw_away(name, directory)
            os.mkdir(name, dir_fd=directory)

    def _remove(self, name: str) -> None:
        waste = os.dup(self._waste)  # the thread's own, since it may go on after this is closed

        def remove() -> None:
            with inside.opened(waste), contextlib.suppress(OSError):  # what stays goes with the node
                removal.remove(name, dir_fd=waste)

        self._loop.run_in_executor(None, remove)


def _open_output(name: str, directory: int) -> int:
    with contextlib.suppress(FileExistsError):
        return inside.new(name, directory, 0o644, os.O_APPEND)
    os.replace(name, name + BEFORE, src_dir_fd=directory, dst_dir_fd=directory)
    return inside.create(name, directory, 0o644, os.O_APPEND)
