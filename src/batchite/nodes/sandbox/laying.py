"""Copying a layer into what a node has changed, where it cannot be mounted.

A directory of an overlay must not lie below another one of the same overlay. So a layer whose `var` is itself
somewhere in `/var`, as when the service's directory is there, is copied into a new node instead.
"""

from __future__ import annotations

import contextlib
import os
import stat

_PIECE = 1 << 20


def lay(source: str, upper: str, first_id: int) -> None:
    """What lies in `source` over what is in `upper`, where no node has been yet; its users begin at
    `first_id`. Raises OSError."""
    with os.scandir(source) as found:
        for entry in found:
            status = entry.stat(follow_symlinks=False)
            here = f"{upper}/{entry.name}"
            if stat.S_ISDIR(status.st_mode):
                _make_directory(here)
                lay(entry.path, here, first_id)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(here)
                _copy(entry.path, here, status)
            os.chown(here, first_id + status.st_uid, first_id + status.st_gid, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                os.chmod(here, stat.S_IMODE(status.st_mode))


def _make_directory(path: str) -> None:
    if not os.path.isdir(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # that there was none
        os.mkdir(path)


def _copy(source: str, target: str, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(status.st_mode):
        with open(source, "rb") as theirs, open(target, "xb") as ours:
            while piece := theirs.read(_PIECE):
                ours.write(piece)
    else:  # the absence of a file
        os.mknod(target, status.st_mode, status.st_rdev)
