"""What every engine must do, whatever its nodes are made of.

A test module of an engine inherits from `EngineConformance` and gives the fixture `world`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.nodes.peer import DEADLINE, Peer, node_spec, task

from batchite.engines.base import Engine, Handle, Lost, Taken
from batchite.link.messages import Hello
from batchite.link.spec import NodeSpec
from batchite.machine import proc
from batchite.wire.batch.vm_sizes import VmSize

SIZE = VmSize("standard_d2s_v3", 2, 8192)
SURVIVORS = {
    "background": "sleep 600 & echo $! >> PIDS",
    "own-session": "setsid sleep 600 & echo $! >> PIDS",
    "daemon": '( setsid /bin/sh -c "echo \\$\\$ >> PIDS; cd /; exec sleep 600 >/dev/null 2>&1" & )',
    "no-environment": 'env -i setsid /bin/sh -c "echo \\$\\$ >> PIDS; cd /; exec sleep 600" &',
    "no-environment-daemon": '( env -i setsid /bin/sh -c "echo \\$\\$ >> PIDS; cd /; exec sleep 600" & )',
    "stubborn": "/bin/sh -c \"trap '' TERM HUP INT; echo \\$\\$ >> PIDS; while :; do sleep 1; done\" &",
}
"""Ways of a task to leave processes behind; each writes one number to PIDS."""


class World(Protocol):
    """An engine of the kind under test, and what surrounds it."""

    service: Peer
    scratch: Path
    lost: list[tuple[str, str]]

    def engine(self, lost: Lost | None = None) -> Engine:
        """An engine over the same nodes as every other this gives; closed at the end."""
        ...

    def impossible(self) -> NodeSpec:
        """What the engine cannot start."""
        ...

    async def kill(self, node_id: str) -> None:
        """Take the node's agent away without a word."""
        ...


def is_running(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and not process.is_dead


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


async def occupy(world: World, number: int = 1) -> list[int]:
    """Run a task on the node that leaves processes behind in every way; returns their numbers."""
    path = world.scratch / "pids"
    script = world.scratch / "script"
    lines = [line.replace("PIDS", str(path)) for line in SURVIVORS.values()]
    write_script(script, [*lines, f"echo $$ >> {path}", "while :; do sleep 0.05; done"])
    await world.service.send(task(number, f"/bin/sh {script}"))
    wanted = len(SURVIVORS) + 1
    await until(lambda: len(pids(path)) == wanted)
    return pids(path)


def write_script(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what processes do gives no event to wait for
            await asyncio.sleep(0.01)


async def begin(engine: Engine, spec: NodeSpec) -> Handle:
    """Ask for one node, which the engine takes."""
    outcomes = await engine.start([spec], SIZE)
    (outcome,) = outcomes.values()
    if isinstance(outcome, Exception):
        raise outcome
    assert outcomes.keys() == {spec.node_id}
    return outcome.handle


async def start(world: World, engine: Engine, **changes: object) -> tuple[NodeSpec, Handle]:
    """A node whose agent is connected."""
    spec = node_spec(world.service.url, **changes)
    count = len(world.service.of_kind(Hello))
    handle = await begin(engine, spec)
    await world.service.until(lambda: len(world.service.of_kind(Hello)) > count)
    return spec, handle


class EngineConformance:
    async def test_a_started_node_connects(self, world: World) -> None:
        await start(world, world.engine())
        assert world.service.requests[0].headers["Authorization"] == "Bearer the-token"
        (hello,) = world.service.of_kind(Hello)
        assert hello.address == "127.0.0.1"

    async def test_starting_twice_is_starting_once(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        assert await begin(engine, spec) == handle
        assert await begin(world.engine(), spec) == handle
        assert len(world.service.of_kind(Hello)) == 1

    async def test_nodes_are_started_together_each_with_its_own_handle(self, world: World) -> None:
        engine, ids = world.engine(), ["a", "b", "c"]
        specs = [node_spec(world.service.url, node_id=node_id) for node_id in ids]
        outcomes = await engine.start(specs, SIZE)
        handles = {outcome.handle for outcome in outcomes.values() if isinstance(outcome, Taken)}
        assert list(outcomes) == ids
        assert len(handles) == 3
        await world.service.until(lambda: len(world.service.of_kind(Hello)) == 3)
        assert await engine.start(specs, SIZE) == outcomes

    async def test_a_node_that_cannot_be_started_has_no_effect_on_others(self, world: World) -> None:
        engine = world.engine()
        good, bad = node_spec(world.service.url), world.impossible()
        outcomes = await engine.start([bad, good], SIZE)
        assert isinstance(outcomes[bad.node_id], Exception)
        assert isinstance(outcomes[good.node_id], Taken)
        await world.service.first(Hello)

    async def test_no_nodes_to_start(self, world: World) -> None:
        assert await world.engine().start([], SIZE) == {}

    async def test_a_node_begun_with_another_spec_is_ended_first_and_its_files_stay(
        self, world: World
    ) -> None:
        engine = world.engine()
        _, handle = await start(world, engine)
        await world.service.send(task(1, "/bin/sh -c 'echo > $AZ_BATCH_NODE_SHARED_DIR/kept'"))
        await world.service.ended(1)
        left = await occupy(world, 2)
        await engine.close()
        _, second = await start(world, world.engine(), token="another")
        assert second != handle
        assert not [pid for pid in left if is_running(pid)]
        await world.service.send(task(3, "/bin/sh -c 'cat $AZ_BATCH_NODE_SHARED_DIR/kept'"))
        assert (await world.service.ended(3)).exit_code == 0
        assert world.lost == []

    async def test_what_is_asked_of_a_node_happens_in_the_order_of_the_calls(self, world: World) -> None:
        engine, spec = world.engine(), node_spec(world.service.url)
        await asyncio.gather(engine.start([spec], SIZE), engine.stop(spec.node_id, None, grace=0))
        await engine.close()
        second = world.engine()
        await second.adopt({spec.node_id: None})
        await until(lambda: [node_id for node_id, _ in world.lost] == [spec.node_id])

    async def test_its_pace_leaves_room_for_a_second_pool(self, world: World) -> None:
        pace = world.engine().pace
        assert 0 < pace.of_a_pool < pace.at_once

    async def test_two_starts_at_once_make_one_node(self, world: World) -> None:
        engine, spec = world.engine(), node_spec(world.service.url)
        handles = await asyncio.gather(begin(engine, spec), begin(engine, spec))
        assert handles[0] == handles[1]

    async def test_a_stopped_node_leaves_nothing_and_is_not_lost(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        left = await occupy(world)
        await engine.stop(spec.node_id, handle)
        assert not [pid for pid in left if is_running(pid)]
        await engine.close()
        assert world.lost == []

    async def test_stopping_what_is_not_there(self, world: World) -> None:
        engine = world.engine()
        await engine.stop("never-started", None)
        spec, handle = await start(world, engine)
        await engine.stop(spec.node_id, handle)
        await engine.stop(spec.node_id, handle)
        await engine.close()
        assert world.lost == []

    async def test_a_node_can_be_started_again_under_its_id(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        await engine.stop(spec.node_id, handle)
        _, second = await start(world, engine)
        assert second != handle

    async def test_a_dead_node_is_lost_once_nothing_of_it_runs(self, world: World) -> None:
        still_running: list[int] = []
        left: list[int] = []
        told = asyncio.Event()

        def lost(node_id: str, reason: str) -> None:
            world.lost.append((node_id, reason))
            still_running.extend(pid for pid in left if is_running(pid))
            told.set()

        spec, _ = await start(world, world.engine(lost))
        left += await occupy(world)
        await world.kill(spec.node_id)
        await asyncio.wait_for(told.wait(), DEADLINE)
        assert [node_id for node_id, _ in world.lost] == [spec.node_id]
        assert still_running == []

    async def test_the_files_of_a_lost_node_are_there_when_it_is_started_again(self, world: World) -> None:
        engine = world.engine()
        spec, _ = await start(world, engine)
        await world.service.send(task(1, "/bin/sh -c 'echo > $AZ_BATCH_NODE_SHARED_DIR/kept'"))
        await world.service.ended(1)
        await world.kill(spec.node_id)
        await until(lambda: len(world.lost) == 1)
        await engine.stop(spec.node_id, None, keep_files=True)
        await start(world, engine, token="another")
        await world.service.send(task(2, "/bin/sh -c 'cat $AZ_BATCH_NODE_SHARED_DIR/kept'"))
        assert (await world.service.ended(2)).exit_code == 0

    async def test_nodes_outlive_the_engine_and_are_adopted(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        await engine.close()
        second = world.engine()
        await second.adopt({spec.node_id: handle})
        assert world.lost == []
        await world.kill(spec.node_id)
        await until(lambda: len(world.lost) == 1)
        assert world.lost[0][0] == spec.node_id

    async def test_a_node_whose_handle_was_never_stored_is_found(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        await engine.close()
        second = world.engine()
        await second.adopt({spec.node_id: None})
        assert world.lost == []
        assert await begin(second, spec) == handle

    async def test_nodes_that_are_gone_are_lost_when_adopted(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        left = await occupy(world)
        await engine.close()
        await world.kill(spec.node_id)
        await world.engine().adopt({spec.node_id: handle, "never-seen": None, "broken": Handle("?")})
        await until(lambda: len(world.lost) == 3)
        assert {node_id for node_id, _ in world.lost} == {spec.node_id, "never-seen", "broken"}
        assert not [pid for pid in left if is_running(pid)]

    async def test_what_an_agent_has_said_is_told_in_bounds(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        said = await engine.log(spec.node_id, handle, 1 << 20)
        assert said is not None, "it may be little"
        part = await engine.log(spec.node_id, handle, 10)
        assert part is not None
        assert said.endswith(part)
        assert len(part) <= 10
        assert await world.engine().log(spec.node_id, handle, 1 << 20) == said, "whoever has begun it"
        assert await engine.log("never-seen", None, 1 << 20) is None
        await engine.stop(spec.node_id, handle)
        assert await engine.log(spec.node_id, handle, 1 << 20) is None, "it goes with the files"

    async def test_an_adopted_node_is_stopped(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        left = await occupy(world)
        await engine.close()
        second = world.engine()
        await second.stop(spec.node_id, handle)
        assert not [pid for pid in left if is_running(pid)]
        assert world.lost == []

    async def test_a_node_can_be_killed_at_once(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        left = await occupy(world)
        await engine.stop(spec.node_id, handle, grace=0)
        assert not [pid for pid in left if is_running(pid)]
        await engine.close()
        assert world.lost == []

    async def test_a_node_that_is_stopped_while_it_is_adopted_is_not_lost(self, world: World) -> None:
        engine = world.engine()
        spec, handle = await start(world, engine)
        await engine.close()
        second, adopted = world.engine(), {spec.node_id: handle}
        await asyncio.gather(second.adopt(adopted), second.stop(spec.node_id, handle), second.adopt(adopted))
        await second.close()
        assert world.lost == []
