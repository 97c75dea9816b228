"""Packages on their way into a node's tree: unpacked beside it, and moved to their place when all is there.

Whatever ends the agent meanwhile leaves nothing but waste, which goes when the next one begins.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

from batchite.machine.syncing import sync_file_system
from batchite.machine.zips import Archive, Entry
from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import Names

_ARCHIVE, _TREE, _PLANTED = "archive", "tree", "planted"
_DIRECTORY = 0o755


class Parcel:
    """As `base.Parcel`. `place` is a directory of its own, whose descriptor it closes, and `root` that with
    which the target begins. `own` makes what was made the node's; `discard` has the place go."""

    def __init__(
        self,
        place: int,
        root: int,
        target: Names,
        own: Callable[[int], None],
        discard: Callable[[], None],
    ) -> None:
        self._place = place
        self._root = root
        self._target = target
        self._own = own
        self._discard = discard
        self.archive = os.open(
            _ARCHIVE, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=place
        )

    def unpack(self, reserved: int) -> None:
        with open(os.dup(self.archive), "rb") as file:
            archive = Archive(file)
            self._check_room(archive.unpacked + reserved)
            os.mkdir(_TREE, _DIRECTORY, dir_fd=self._place)
            with inside.opened(inside.enter(self._place, (_TREE,))) as tree:
                self._made(tree)
                for entry in sorted(archive.entries, key=_is_link):
                    if entry.is_directory:
                        os.close(inside.enter(tree, entry.names, make=True, made=self._made))
                    elif entry.is_link:
                        self._link(tree, archive, entry)
                    else:
                        self._write(tree, archive, entry)
        os.unlink(_ARCHIVE, dir_fd=self._place)
        sync_file_system(self._place)
        self._move()

    def close(self) -> None:
        os.close(self.archive)
        os.close(self._place)
        self._discard()

    def _move(self) -> None:
        *parents, name = self._target
        with inside.opened(inside.enter(self._root, parents)) as directory:
            with contextlib.suppress(FileNotFoundError):  # what a task has put there goes with the place
                os.rename(name, _PLANTED, src_dir_fd=directory, dst_dir_fd=self._place)
            os.rename(_TREE, name, src_dir_fd=self._place, dst_dir_fd=directory)
            os.fsync(directory)

    def _write(self, tree: int, archive: Archive, entry: Entry) -> None:
        *parents, name = entry.names
        with inside.opened(inside.enter(tree, parents, make=True, made=self._made)) as directory:
            descriptor = inside.new(name, directory, 0o600)
        with open(descriptor, "wb") as file:
            for piece in archive.content(entry):
                file.write(piece)
            file.flush()
            self._own(file.fileno())
            os.fchmod(file.fileno(), entry.mode)

    def _link(self, tree: int, archive: Archive, entry: Entry) -> None:
        """Its owner is that of its directory; there is no descriptor to give a link away by."""
        *parents, name = entry.names
        with inside.opened(inside.enter(tree, parents, make=True, made=self._made)) as directory:
            os.symlink(archive.target(entry), name, dir_fd=directory)
            owner = os.fstat(directory)
            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=directory, follow_symlinks=False)

    def _made(self, directory: int) -> None:
        self._own(directory)
        os.fchmod(directory, _DIRECTORY)

    def _check_room(self, wanted: int) -> None:
        status = os.fstatvfs(self._place)
        if status.f_bavail * status.f_frsize < wanted:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_link(entry: Entry) -> bool:
    """Links come last, so nothing could be written through one, whatever was overlooked."""
    return entry.is_link
