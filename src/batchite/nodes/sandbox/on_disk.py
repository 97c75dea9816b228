"""What sandboxes do alike whose trees the agent itself keeps on this machine's disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from batchite.nodes.sandbox import inside
from batchite.nodes.sandbox.base import SYSTEM_PATH, Names, Parcel, User
from batchite.nodes.sandbox.disk import ROOT, Disk
from batchite.nodes.sandbox.landing import DirectoryLanding, Give
from batchite.nodes.sandbox.python import NodePython
from batchite.nodes.sandbox.tree import Tree
from batchite.wire.batch.login import Login

PYTHON = "python"
"""the name of the directory with the node's Python"""


class OnDisk:
    """A part of `base.Sandbox`; its methods are described there. Must be made in a running loop."""

    def __init__(self, node: str, give: Give | None = None) -> None:
        """`node`: the node's directory, below which everything lies. Raises OSError."""
        self._node = os.path.realpath(node)
        with inside.opened(inside.top(self._node)) as top:
            self._disk = Disk(top, give)
            self.files = Tree(ROOT, dir_fd=top)

    def prepare(self, directory: Names, user: User) -> None:
        self._disk.prepare(directory, user)

    def holds(self, directory: Names) -> bool:
        return self._disk.holds(directory)

    def discard(self, directory: Names) -> None:
        self._disk.discard(directory)

    def landing(self, directory: Names, user: User) -> DirectoryLanding:
        return self._disk.landing(directory, user)

    def has(self, directory: Names) -> bool:
        return self._disk.has(directory)

    def parcel(self, directory: Names) -> Parcel:
        return self._disk.parcel(directory)

    def note(self, directory: Names, name: str, user: User) -> int:
        return self._disk.note(directory, name, user)

    def know(self, hosts: Sequence[str]) -> None:
        """The file is this machine's."""

    def introduce(self, logins: Sequence[Login]) -> None:
        """Whom such a node knows is this machine's matter."""

    def keep(self) -> bool:
        return os.path.isdir(f"{self._node}/{ROOT}")

    def close(self) -> None:
        self.files.close()
        self._disk.close()

    def _make_python(self, *names: str) -> bool:
        """In the directory that these names lead to from the node's. Whether it had to be made."""
        python = NodePython("/".join((self._node, *names, PYTHON)))
        if python.is_made:
            return False
        with (
            inside.opened(inside.top(self._node)) as top,
            inside.opened(inside.enter(top, names)) as directory,
        ):
            self._disk.throw_away(PYTHON, directory)
        python.make()
        return True


def environment(directory: str) -> dict[str, str]:
    """By which commands find the node's Python, where they see its directory, and then what is installed
    beside the service."""
    python = NodePython(f"{directory}/{PYTHON}")
    path = (*python.programs, os.path.dirname(sys.executable), *SYSTEM_PATH)
    return {"PATH": ":".join(dict.fromkeys(path)), "PYTHONUSERBASE": python.user}
