"""What is made late is made once, when somebody asks."""

import asyncio

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from batchite.processes.late import Late


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "answered"})


async def ask(late: Late[ASGIApp]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nobody reads a body here")

    async def send(message: Message) -> None:
        sent.append(message)

    await late({"type": "http"}, receive, send)
    return sent


async def test_many_who_ask_at_once_get_one() -> None:
    made: list[ASGIApp] = []

    def make() -> ASGIApp:
        made.append(app)
        return app

    late = Late(make)
    assert late.app is None
    assert await asyncio.gather(*(ask(late) for _ in range(5))) == [[{"type": "answered"}]] * 5
    assert made == [late.app]


async def test_what_could_not_be_made_is_tried_again_by_the_next() -> None:
    troubles = [OSError("no secret")]

    def make() -> ASGIApp:
        if troubles:
            raise troubles.pop()
        return app

    late = Late(make)
    with pytest.raises(OSError, match="no secret"):
        await ask(late)
    assert await ask(late) == [{"type": "answered"}]
