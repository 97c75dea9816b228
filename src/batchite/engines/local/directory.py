"""The directory of a node: what its agent is told, what it said, and all that its tasks leave."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import msgspec

from batchite import removal
from batchite.link.spec import FILE_NAME, NodeSpec

_LOG_NAME = "agent.log"
_LOG_TAIL_BYTES = 2000
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

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
            file.write(msgspec.json.encode(spec))

    def was_told(self, spec: NodeSpec) -> bool:
        """Whether the last agent was started with this very spec."""
        try:
            return (self.path / FILE_NAME).read_bytes() == msgspec.json.encode(spec)
        except FileNotFoundError:
            return False

    def last_words(self) -> str:
        """The last line of the agent's log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def remove(self) -> None:
        """Remove all files, which may take a while. Some may resist; the node is over all the same.

        Raises OSError only for want of descriptors or memory.
        """
        try:
            removal.remove(str(self.path))
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in _SHORTAGES:
                raise
            log.warning("files of node %s stay in %s: %s", self.path.name, self.path, error.strerror)
