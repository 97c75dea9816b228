"""The directory of a node: what its agent is told, what it said, and all that its tasks leave.

A node is over when nothing of it runs. Its files are moved aside then and removed in the background,
since tasks may have left a great many.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import secrets
from pathlib import Path

import msgspec

from batchite.link.spec import FILE_NAME, NodeSpec
from batchite.machine import removal

_LOG_NAME = "agent.log"
_LOG_TAIL_BYTES = 2000
_WASTE = ".waste-"
_RESISTS = "files of a node that is over stay in %s: %s"

log = logging.getLogger(__name__)


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
        """The last line of the agent's log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

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
