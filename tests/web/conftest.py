import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import uvloop
from tests.web.connections import Run

DEADLINE = 60


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """With each of the event loops, which have transports of their own; in time."""
    with asyncio.Runner(loop_factory=request.param) as runner:

        def run(test: Coroutine[Any, Any, None]) -> None:
            runner.run(asyncio.wait_for(test, DEADLINE))

        yield run
