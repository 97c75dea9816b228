"""What happens to a living world whatever is asked of it: rules that several state machines share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.dispatch.living import World

T = TypeVar("T")
PLACES = st.integers(0, 100)


class Troubled(RuleBasedStateMachine):
    """Nodes are killed, services go and come. A subclass makes the world, and says when it has settled."""

    loop: asyncio.AbstractEventLoop
    world: World

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def settle(self) -> None:
        raise NotImplementedError

    @rule(place=PLACES)
    def a_node_is_killed(self, place: int) -> None:
        async def kill() -> None:
            alive = sorted(self.world.engine.alive)
            if alive:
                await self.world.engine.kill(alive[place % len(alive)])
                await self.settle()

        self.run(kill())

    @rule(end_nodes=st.booleans())
    def the_service_goes_and_another_comes(self, end_nodes: bool) -> None:
        async def restart() -> None:
            await self.world.stop(end_nodes=end_nodes)
            await self.world.start()
            await self.settle()

        self.run(restart())
