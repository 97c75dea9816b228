"""Agents that do not do as agents do, and whoever else comes to their addresses."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
import sqlalchemy as sa
from msgspec import inspect
from starlette.types import Message
from tests.dispatch.support import (
    ScriptedAgent,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)
from tests.seeds import SEED, seed
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from batchite.dispatch.files import LinkedFiles
from batchite.dispatch.links import Links, hash_token
from batchite.dispatch.questions import Questions
from batchite.link import framing
from batchite.link import messages as link
from batchite.ports.node_files import NodeUnreachableError
from batchite.ports.owner import NodeUse
from batchite.resources.rules import JobRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.web.listener import Listener, bind
from batchite.wire.batch import outcome
from batchite.wire.batch.outcome import Failure
from batchite.wire.ticks import MAX_TICKS

LONG = encode(JobRules(max_wall_clock_time=MAX_TICKS - 1))


async def nobody(node_id: str, token_hash: bytes) -> bool:
    """No node is known beside those that may connect."""
    return False


async def test_what_an_agent_cannot_mean_is_left_out(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Numbers beyond those of the database would make every commit of the shard fail."""
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c))
    await database.write(lambda c: add_tasks(c, job, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        (spec,) = engine.started.values()
        async with ScriptedAgent(url, spec, runs_tasks=False) as agent:
            await until(lambda: len(agent.runs) == 1)
            (order,) = agent.runs
            text = "x" * 1_000_000
            failure = Failure("usererror", text, text, tuple((text, text) for _ in range(3)))
            await agent.send(
                link.RunStarted(1, order.number, order.attempt, -5),
                link.RunStarted(2, order.number, order.attempt, 2**64 - 1),
                link.RunStarted(3, order.number + 1, order.attempt, 100),
                link.FilesRemoved((link.RunKey(2**63, 1), link.RunKey(2**64 - 1, 2**63, "preparation"))),
                link.FilesRemoved((link.RunKey(1, -(2**63)), link.RunKey(-(2**63), 2**63 - 1, "release"))),
                link.Hello(link.PROTOCOL, "0", 1, (link.RunKey(2**64 - 1, 2**64 - 1),)),
                link.RunReturned(4, 2**64 - 1, 2**64 - 1),
                link.RunStarted(4, 2**64 - 1, 2**64 - 1, 100, "release"),
                link.RunEnded(4, order.number, order.attempt, 100, 200, 2**40, None),
                link.RunEnded(5, order.number, order.attempt, 100, 200, 1, failure),
            )
            await until(lambda: agent.acknowledged == 5)
    (task,) = await rows(database, schema.tasks)
    assert (task.state, task.started, task.ended, task.exit_code) == ("completed", 100, 200, 1)
    assert len(task.failure) < 10 * outcome.MAX_TEXT
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_limits_that_end_with_time_itself(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def prepare(connection: sa.Connection) -> None:
        add_pool(connection, 1)
        connection.execute(sa.update(schema.pools).values(resize_timeout=MAX_TICKS))
        add_tasks(connection, add_job(connection, rules=LONG), 1)

    await database.write(prepare)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        (spec,) = engine.started.values()
        async with ScriptedAgent(url, spec) as agent:
            await until(lambda: agent.acknowledged == 2)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@asynccontextmanager
async def served(links: Links) -> AsyncIterator[str]:
    listener = Listener(links, bind("127.0.0.1", 0))
    await listener.start()
    links.expect("node", hash_token("secret"))
    try:
        yield f"ws://127.0.0.1:{listener.address[1]}/-/nodes/node/link"
    finally:
        await links.drop("node")
        await listener.stop()


def dial(url: str, **settings: Any) -> connect:
    headers = {"Authorization": "Bearer secret"}
    return connect(url, additional_headers=headers, compression=None, proxy=None, **settings)


@pytest.mark.parametrize("first", ["text", b"", b"\x91" * 5000, b"\xc1", b"\x91\x91\xa9Heartbeat"])
async def test_who_does_not_speak_the_links_language_is_cut_off(
    first: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    links = Links(lambda *_: None, lambda _: None, nobody)
    async with served(links) as url, dial(url) as socket:
        await socket.send(first)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 60)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_agent_is_not_ended_while_nobody_can_tell_whether_it_is_wanted() -> None:
    """The store has been asked in vain; it is not asked about who shows no credential."""
    asked: list[str] = []

    async def is_known(node_id: str, token_hash: bytes) -> bool:
        asked.append(node_id)
        raise OSError("no connection")

    links = Links(lambda *_: None, lambda _: None, is_known)
    async with served(links) as url:
        with pytest.raises(InvalidStatus, match="503"):
            async with dial(url.replace("/node/", "/other/")):
                pass
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(url.replace("/node/", "/third/"), proxy=None):
                pass
    assert asked == ["other"]


async def test_an_agent_whose_node_was_let_go_before_it_spoke_is_cut_off() -> None:
    """Nobody here would ever answer it."""
    heard: list[str] = []
    links = Links(lambda node, _: heard.append(node), lambda _: None, nobody)
    async with served(links) as url, dial(url) as socket:
        await links.forget("node")
        await socket.send(framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)]))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    assert heard == []
    assert not links.is_connected("node")


async def test_who_is_asked_to_come_again_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def known(node_id: str, token_hash: bytes) -> bool:
        return True

    links = Links(lambda *_: None, lambda _: None, known)
    async with served(links) as url:
        await links.forget("node")
        with pytest.raises(InvalidStatus, match="503"):
            async with dial(url):
                pass
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_an_agent_that_does_not_read_is_given_up() -> None:
    closed = asyncio.Event()
    links = Links(lambda *_: None, lambda _: closed.set(), nobody, stalled=0.2)
    message = link.Run(0, 1, "", "", 0, b"x" * 1_000_000, kind="starttask")
    async with served(links) as url, dial(url, max_queue=1, close_timeout=0.1) as socket:
        await socket.send(framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)]))
        async with asyncio.timeout(60):
            while not links.is_connected("node"):  # noqa: ASYNC110 (what is waited for sets no event)
                await asyncio.sleep(0.002)
            for _ in range(50):
                links.send("node", message)
            await closed.wait()
        assert not links.is_connected("node")
        socket.transport.abort()


async def test_a_second_link_of_a_node_takes_the_place_of_the_first() -> None:
    """The agent has given its first up, though nothing has told the service so."""
    closed: list[str] = []
    links = Links(lambda *_: None, closed.append, nobody)
    hello = framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)])
    async with served(links) as url, dial(url) as first, dial(url) as second:
        for socket in (first, second):
            await socket.send(hello)
            await socket.recv()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(first.recv(), 60)
        links.send("node", link.Acknowledge(7))
        frame = await second.recv()
        assert isinstance(frame, bytes)
        assert framing.to_agent.decode(frame) == [link.Acknowledge(7)]
        assert closed == []


async def test_a_node_is_forgotten_though_its_agent_breaks_off_just_then() -> None:
    """What ends the node goes on from there."""
    links = Links(lambda *_: None, lambda _: None, nobody)
    links.expect("node", hash_token("secret"))
    heard: asyncio.Queue[Message] = asyncio.Queue()
    hello = framing.encode([link.Hello(link.PROTOCOL, "0", 1, ())])
    for message in ({"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": hello}):
        heard.put_nowait(message)

    async def send(message: Message) -> None:
        if message["type"] == "websocket.close":
            raise OSError("as servers say that nobody is there any more")

    headers = [(b"authorization", b"Bearer secret")]
    scope = {"type": "websocket", "path": "/node/link", "headers": headers}
    serving = asyncio.create_task(links(scope, heard.get, send))
    await until(lambda: links.is_connected("node"))
    await links.forget("node")
    assert not links.is_connected("node")
    heard.put_nowait({"type": "websocket.disconnect", "code": 1006})
    await serving


async def test_nobody_opens_a_websocket_where_files_are_posted(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    dispatch, _ = make_dispatch(database)
    listener = Listener(dispatch.transfer_app, bind("127.0.0.1", 0))
    await listener.start()
    try:
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(f"ws://127.0.0.1:{listener.address[1]}/-/transfers/x", proxy=None):
                pass
    finally:
        await listener.stop()
    assert not caplog.records


async def test_a_node_that_stops_in_the_middle_of_a_file_is_given_up() -> None:
    def received(node: str, said: list[link.FromAgent]) -> None:
        for message in said:
            questions.answered(node, message)

    links = Links(received, lambda _: None, nobody)
    questions = Questions(links)
    files = LinkedFiles(questions, stalled=0.2)
    listener = Listener(files, bind("127.0.0.1", 0))
    await listener.start()
    done = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        await done.wait()

    async def agent(socket: ClientConnection) -> None:
        await socket.send(framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)]))
        async for frame in socket:
            assert isinstance(frame, bytes)
            for message in framing.to_agent.decode(frame):
                if isinstance(message, link.SendFile):
                    url = f"http://127.0.0.1:{listener.address[1]}{message.url_path}"
                    async with aiohttp.ClientSession() as session, session.post(url, data=half()):
                        pass

    async with served(links) as url, dial(url) as socket:
        speaking = asyncio.create_task(agent(socket))
        async with asyncio.timeout(60):
            while not links.is_connected("node"):  # noqa: ASYNC110 (what is waited for sets no event)
                await asyncio.sleep(0.002)
            chunks = await files.read("node", "file", 0, 100)
            assert await anext(chunks) == b"half"
            with pytest.raises(NodeUnreachableError):
                await anext(chunks)
            speaking.cancel()
            await asyncio.wait([speaking])
    await listener.stop()


@pytest.mark.parametrize("place", [2, 3, 4, 5])
@pytest.mark.parametrize("value", [-1, 2**64 - 1, "many", [1], float("nan"), float("inf"), True])
def test_uses_that_no_node_can_have_are_left_out(place: int, value: object) -> None:
    """Of a frame only they."""
    good = ["UseMeasured", 1, 2, 3000, 0.5, 4000]
    bad: list[object] = [*good]
    bad[place] = value
    decoded = framing.from_agent.decode(msgspec.msgpack.encode([bad, good]))
    assert decoded == [link.UseMeasured(1, 2, 3000, 0.5, 4000)]


async def test_what_a_hostile_agent_says_of_its_use_harms_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Bad answers, answers that nobody asked for, several of them, and answers to something else."""
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        (spec,) = engine.started.values()
        async with ScriptedAgent(url, spec) as agent:

            async def asked(number: int) -> tuple[asyncio.Task[NodeUse | None], int]:
                asking = asyncio.create_task(dispatch.use(spec.node_id))
                await until(lambda: len(agent.heard(link.MeasureUse)) == number)
                return asking, agent.heard(link.MeasureUse)[-1].request

            await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
            asking, request = await asked(1)
            most = link.UseMeasured(request, 2**63 - 1, 2**63 - 1, 1e12, 2**63 - 1)
            await agent.send_frame(msgspec.msgpack.encode([["UseMeasured", request, -1, "x", [], None]]))
            await agent.send(link.UseMeasured(request + 7, 1, 1, 1.0, 1), most, most)
            assert await asking == most
            asking, request = await asked(2)
            await agent.send(link.FileDeleted(request))
            assert await asking is None
            asking, request = await asked(3)
            await agent.send(none := link.UseMeasured(request, None, None, None, None))
            assert await asking == none
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


NUMBERS = (0, 1, 2, 3, 99, 2**31, 2**53, link.LAST_MOMENT, 2**63 - 1, 2**63, 2**64 - 1, -1, -(2**63))
TEXTS = ("", "t0", "job", "\0", "é" * 300, "a\nb", "x" * 5000)


def anything(dice: random.Random, kind: inspect.Type, number: int) -> Any:
    """Of that type, likely to be handled wrongly; numbers are often `number`, that of a task on the node."""
    match kind:
        case inspect.UnionType(types=types):
            return anything(dice, dice.choice(types), number)
        case inspect.StructType(fields=fields, tag=tag):
            values = [anything(dice, field.type, number) for field in fields]
            return values if tag is None else [tag, *values]
        case inspect.VarTupleType(item_type=item):
            return [anything(dice, item, number) for _ in range(dice.choice((0, 1, 3, 20)))]
        case inspect.TupleType(item_types=items):
            return [anything(dice, item, number) for item in items]
        case inspect.EnumType(cls=cls):
            return dice.choice(list(cls)).value
        case inspect.LiteralType(values=found):
            return dice.choice(found)
        case inspect.BoolType():
            return dice.random() < 0.5
        case inspect.IntType():
            return number if dice.random() < 0.5 else dice.choice(NUMBERS)
        case inspect.FloatType():
            return dice.choice((0.0, 1e11, 1e308, float("nan"), float("inf")))
        case inspect.StrType():
            return dice.choice(TEXTS)
    return None


async def test_whatever_an_agent_says_its_pool_goes_on(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It may lose its own node by that, and nothing more."""
    chosen = seed()
    print(f"{SEED}={chosen} repeats what the agent said")
    dice = random.Random(chosen)  # noqa: S311
    messages = inspect.type_info(link.FromAgent)
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c))
    await database.write(lambda c: add_tasks(c, job, 3))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        (spec,) = engine.started.values()
        for _ in range(3):
            with contextlib.suppress(ConnectionClosed, InvalidStatus):
                async with ScriptedAgent(url, spec) as agent:
                    for _ in range(5):
                        said = [
                            anything(dice, messages, dice.randrange(4)) for _ in range(dice.randrange(1, 20))
                        ]
                        await agent.send_frame(msgspec.msgpack.encode(said))
        await database.write(lambda c: change_job(c, job, "terminating"))
        await settled(dispatch, database)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
