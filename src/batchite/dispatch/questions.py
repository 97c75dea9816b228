"""Questions to nodes over their links: each has a number, by which the answer is known."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batchite.dispatch.links import Links
from batchite.link.messages import FromAgent, Message
from batchite.ports.node_files import NodeUnreachableError

ANSWER_SECONDS = 15.0
"""How long a node may take to answer; after that it counts as unreachable."""


class Questions:
    def __init__(self, links: Links) -> None:
        self._links = links
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[str, asyncio.Future[FromAgent]]] = {}

    async def ask(
        self, node_id: str, question: Callable[[int], Message], seconds: float = ANSWER_SECONDS
    ) -> FromAgent:
        """The node's answer to what the function makes of a number. Raises NodeUnreachableError."""
        with self.asked(node_id, question) as answer:
            try:
                return await asyncio.wait_for(answer, seconds)
            except TimeoutError:
                raise NodeUnreachableError(node_id) from None

    @contextmanager
    def asked(self, node_id: str, question: Callable[[int], Message]) -> Iterator[asyncio.Future[FromAgent]]:
        """As `ask`, for whoever waits for something else as well."""
        number = next(self._numbers)
        future: asyncio.Future[FromAgent] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (node_id, future)
        try:
            if not self._links.send(node_id, question(number)):
                raise NodeUnreachableError(node_id)
            yield future
        finally:
            del self._waiting[number]

    def answered(self, node_id: str, message: FromAgent) -> None:
        """A message of an agent; those that answer no question are ignored."""
        number = getattr(message, "request", 0)
        asked, future = self._waiting.get(number, ("", None))
        if future is not None and asked == node_id and not future.done():
            future.set_result(message)

    def disconnected(self, node_id: str) -> None:
        """What the node still owes will not come."""
        for asked, future in list(self._waiting.values()):
            if asked == node_id and not future.done():
                future.set_exception(NodeUnreachableError(node_id))
