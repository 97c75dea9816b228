"""The directory of a node: what its agent is told, what it said, and all that its tasks leave.

A node is over when nothing of it runs. Its files are moved aside then and removed in the background,
since tasks may have left a great many.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from batchite.link.spec import FILE_NAME, TIER_LINE, NodeSpec
from batchite.machine import removal

_LOG_NAME = "agent.log"
_LOG_TAIL_BYTES = 2000
_WASTE = ".waste-"
_PROBE = ".probe-"
_RESISTS = "files of a node that is over stay in %s: %s"

log = logging.getLogger(__name__)


@contextlib.contextmanager
def trial(base: Path) -> Iterator[Path]:
    """A directory as of a node, to find out with what can be made. It goes at the end, and `base` too if it
    was not there. Raises OSError."""
    made = [path for path in (base, base.parent) if not path.exists()]
    node = base / f"{_PROBE}{secrets.token_hex(4)}"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        node.mkdir()
        yield node
    finally:
        shutil.rmtree(node, ignore_errors=True)
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()


class NodeDirectory:
    """Where a node lives, whether it is there or not."""

    def __init__(self, base: Path, node_id: str) -> None:
        """Raises ValueError for a node id that names no directory."""
        if not node_id or "/" in node_id or node_id.startswith("."):
            raise ValueError(f"{node_id!r} cannot be the name of a directory")
        self.path = base / node_id
        self.root = str(self.path / "root")
        """for everything of tasks"""
        self.called = _short_name(self.path)
        """what tasks call the root"""
        self.log = self.path / _LOG_NAME
        """what the agent says"""

    @property
    def is_there(self) -> bool:
        """Whether a node of this id has ever been begun, and not been removed."""
        return self.path.exists()

    def tell(self, spec: NodeSpec) -> None:
        """Put the spec where the agent reads it, and nobody else; makes the directory."""
        self.path.mkdir(parents=True, exist_ok=True)
        told = self.path / FILE_NAME
        told.unlink(missing_ok=True)
        descriptor = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._encoded(spec))

    def was_told(self, spec: NodeSpec) -> bool:
        """Whether the last agent was started with this very spec."""
        try:
            return (self.path / FILE_NAME).read_bytes() == self._encoded(spec)
        except FileNotFoundError:
            return False

    def _encoded(self, spec: NodeSpec) -> bytes:
        return msgspec.json.encode(msgspec.structs.replace(spec, root=self.called))

    def last_words(self) -> str:
        """The last line of the agent's log, but for what every agent says, to be a part of a sentence."""
        lines = (self.said(_LOG_TAIL_BYTES) or "").split("\n")
        said = (line.strip() for line in reversed(lines) if not line.startswith(TIER_LINE))
        return next(filter(None, said), "").removesuffix(".")

    def said(self, most_bytes: int) -> str | None:
        """The last lines of the agent's log; None if there is none. Tasks may have the rights to put
        something else in its place: only a file is read, and no link is followed to one."""
        try:
            content, is_whole = _tail(self.path, self.log.name, most_bytes)
        except OSError:
            return None
        _, _, lines = (b"", b"", content) if is_whole else content.partition(b"\n")
        return (lines or content).decode("utf-8", "replace")

    def discard(self) -> Path | None:
        """Take the files out of sight at once; returns where they are to be removed.

        They may resist; the node is over all the same.
        """
        with contextlib.suppress(OSError):  # an agent that ended in order has done so
            os.unlink(self.called)
            os.rmdir(os.path.dirname(self.called))
        waste = self.path.with_name(_WASTE + secrets.token_hex(8))
        try:
            self.path.rename(waste)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning(_RESISTS, self.path, error.strerror)
            return None
        return waste


def _tail(directory: Path, name: str, most_bytes: int) -> tuple[bytes, bool]:
    """The end of a file, and whether that is all of it. Raises OSError."""
    above = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=above)
    finally:
        os.close(above)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file", name)
        start = max(0, status.st_size - most_bytes)
        file.seek(start)
        return file.read(most_bytes), start == 0


def _short_name(path: Path) -> str:
    """At most 24 characters, always the same for this path, in a directory of this user's own. `/tmp` is
    there whoever logs out, and an agent makes the name anew if it is tidied away."""
    digest = base64.b32encode(hashlib.sha256(os.fsencode(path)).digest()).decode().lower()
    return f"/tmp/b{os.geteuid()}/{digest[:7]}"  # noqa: S108 - safe as `nodes.short_name` sees to it


def waste(base: Path) -> list[Path]:
    """What has been discarded and is still there."""
    return list(base.glob(f"{_WASTE}*"))


def remove(waste: Path) -> None:
    """Which may take a while; what resists stays."""
    try:
        removal.remove(str(waste))
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning(_RESISTS, waste, error.strerror)
