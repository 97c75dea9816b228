"""Telling which directories of tasks the node has, so that the service can say which are nobody's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Set
from itertools import islice
from typing import Final

from batchite.link.messages import MOST_KEPT, NAME, FilesKept, FromAgent
from batchite.nodes.sandbox.tree import Tree, TreeError
from batchite.nodes.threads import in_thread
from batchite.wire.batch.directories import WORKITEMS

MOST: Final = 100_000
"""Directories that are told of; tasks can make as many as they like."""
_NAME: Final = re.compile(NAME, re.ASCII)


class KeptFiles:
    """`busy` says by their names below `workitems` in which directories something runs; `send` puts a message
    on the link."""

    def __init__(
        self, tree: Tree, busy: Callable[[], Set[tuple[str, ...]]], send: Callable[[FromAgent], None]
    ) -> None:
        self._tree = tree
        self._busy = busy
        self._send = send
        self._look: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Look, and say what there is to whoever is there then."""
        if self._look is None:
            self._look = asyncio.get_running_loop().create_task(self._tell())

    async def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    async def _tell(self) -> None:
        try:
            found = await in_thread(self._find)
        finally:
            self._look = None
        busy = self._busy()
        kept = (one for one in found if one not in busy)
        while portion := tuple(islice(kept, MOST_KEPT)):
            self._send(FilesKept(portion))

    def _find(self) -> list[tuple[str, str, str]]:
        return list(islice(self._directories(), MOST))

    def _directories(self) -> Iterator[tuple[str, str, str]]:
        for first in self._names(WORKITEMS):
            for name in self._names(f"{WORKITEMS}/{first}"):
                for task in self._names(f"{WORKITEMS}/{first}/{name}"):
                    yield first, name, task

    def _names(self, directory: str) -> Iterator[str]:
        """Of the directories in there, as tasks have them; of none where it cannot be looked at."""
        try:
            for name, is_directory in self._tree.entries(directory, by_link=False):
                if is_directory and _NAME.fullmatch(name):
                    yield name
        except TreeError:
            return
