"""What the API asks of nodes about their files, without knowing how they are reached.

`batch` calls it, `dispatch` implements it, and neither imports the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

FileReason = Literal["not-found", "is-directory", "not-empty", "outside", "unreadable"]


class NodeUnreachableError(Exception):
    """The node is gone or not connected, so its files cannot be had at present."""


class NodeFileError(Exception):
    """The node refused; `reason` says why."""

    def __init__(self, reason: FileReason) -> None:
        super().__init__(reason)
        self.reason = reason


class NodeFile(Protocol):
    """A file or directory of a node; `name` is relative to the directory that was asked for."""

    @property
    def name(self) -> str: ...
    @property
    def is_directory(self) -> bool: ...
    @property
    def size(self) -> int: ...
    @property
    def modified(self) -> int: ...
    @property
    def mode(self) -> int: ...


class NodeFiles(Protocol):
    """Files on nodes, by path relative to the node's root directory, separated by `/`.

    All raise NodeUnreachableError and NodeFileError.
    """

    async def listing(self, node_id: str, directory: str, *, recursive: bool) -> Sequence[NodeFile]: ...

    async def status(self, node_id: str, path: str) -> NodeFile: ...

    async def read(self, node_id: str, path: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """Bytes `offset` to `offset + length`; fails before the first chunk or not at all, and ends
        early if the file shrank."""
        ...

    async def delete(self, node_id: str, path: str, *, recursive: bool) -> None: ...
