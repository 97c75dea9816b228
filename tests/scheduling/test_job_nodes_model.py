"""Whatever happens to nodes, agents and the job, in any order: no task begins on a node that is not prepared,
nothing of it is forgotten, and the job is over once its nodes are released.

Agents are modelled as they are: they run what they are told once for each attempt, know nothing of an attempt
that they were not told, and lose all with a boot. What they say may come late, and what they are told be lost
with the connection.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.scheduling.builders import NOW, add_job, add_node, hello, sent, shard
from tests.scheduling.test_job_nodes import FAILED, RELEASE, prepares, turn

from batchite.link.messages import RunEnded, RunKey, RunStarted
from batchite.scheduling import jobs, preparation, release, tasks
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, RecallTask, RunAtOnce, RunTask
from batchite.scheduling.nodes import on_node_connected, on_node_disconnected, on_node_gone, settle_phases
from batchite.scheduling.restarts import begin_again
from batchite.scheduling.state import ShardState

NODES = 2
TASKS = 5


@dataclass
class Agent:
    """Of one boot of a node."""

    running: list[RunKey] = field(default_factory=list)
    prepared: bool = False
    """the job's preparation has succeeded on the node, in this boot"""


class World:
    """A job with a preparation and a release, its nodes, and what their agents do."""

    def __init__(self, retries: int) -> None:
        self.state: ShardState = shard(nodes=NODES, slots_per_node=2)
        given = {"preparation": prepares(max_retries=retries), "release": RELEASE}
        self.job = add_job(self.state, 1, TASKS, **given)
        self.agents = {node: Agent() for node in self.state.nodes}
        self.number = NODES
        self.used: set[str] = set()
        """nodes on which tasks ran, in the life of their files"""
        self.released: Counter[str] = Counter()
        self.reboots: Counter[str] = Counter()
        self.completed = False
        self.deaf = ""
        """a node to which nothing comes through"""

    def settle(self, decisions: Decisions) -> None:
        """Have agents hear what was decided, and go on until nothing more is."""
        self.deliver(decisions)
        for _ in range(8):
            self.deliver(turn(self.state))
        self.check()

    def deliver(self, decisions: Decisions) -> None:
        self.completed |= bool(decisions.changes.job_completed)
        for effect in decisions.effects:
            node = self.state.nodes.get(getattr(effect, "node", ""))
            if node is None or not node.connected or node.id == self.deaf:
                continue
            agent = self.agents[node.id]
            match effect:
                case RunTask(_, _, attempt, task):
                    assert agent.prepared, f"{task.id} begins on {node.id}, which is not prepared"
                    self.take(agent, RunKey(task.number, attempt))
                case RunAtOnce(_, kind, number, attempt):
                    assert kind != "release" or not self.job.assignments
                    self.take(agent, RunKey(number, attempt, kind))
                case EndRun(_, number, attempt, _, _, kind):
                    key = RunKey(number, attempt, kind)
                    began = key in agent.running
                    self.end(node.id, key, None, began=began)
                case RecallTask():
                    pass  # tasks begin at once here

    def take(self, agent: Agent, key: RunKey) -> None:
        if key not in agent.running:
            assert (key.kind, key.number) not in {(one.kind, one.number) for one in agent.running}
            agent.running.append(key)

    def end(self, node_id: str, key: RunKey, code: int | None, *, began: bool = True) -> None:
        """A run is over there, with the exit code or since it was ended."""
        agent, node = self.agents[node_id], self.state.nodes[node_id]
        if key in agent.running:
            agent.running.remove(key)
        failure = None if code == 0 else FAILED
        of = (1, key.number, key.attempt)
        decisions = Decisions()
        started = RunStarted(*of, NOW, key.kind)
        ended = RunEnded(*of, NOW if began else None, NOW + 1, code, failure, kind=key.kind)
        if key.kind == "preparation":
            agent.prepared = agent.prepared or code == 0
            preparation.on_started(self.state, node, started, decisions)
            preparation.on_ended(self.state, node, ended, decisions)
        elif key.kind == "release":
            self.released[node_id] += 1
            release.on_started(self.state, node, started, decisions)
            release.on_ended(self.state, node, ended, decisions)
        else:
            if began:
                self.used.add(node_id)
                tasks.on_task_started(node, started, decisions)
            tasks.on_task_ended(self.state, node, ended, decisions)
        self.deliver(decisions)

    def come_to_rest(self) -> None:
        """All that runs ends well."""
        self.settle(Decisions())
        for _ in range(4 * TASKS):
            self.one_ends(0, 0)
            self.settle(Decisions())

    def check(self) -> None:
        for node_id, times in self.released.items():
            assert times <= 1 + self.reboots[node_id], f"{node_id} was released {times} times"
        if self.state.jobs:
            assert self.job.moving <= self.job.nodes.keys() <= self.state.nodes.keys()

    # what happens

    def one_ends(self, place: int, code: int) -> None:
        runs = [(node, key) for node, agent in self.agents.items() for key in agent.running]
        if runs:
            self.end(*runs[place % len(runs)], code)

    def node_of(self, place: int) -> str:
        return sorted(self.state.nodes)[place % len(self.state.nodes)]

    def breaks_off(self, place: int, code: int) -> None:
        """And comes back; what it was told since something ended is lost."""
        node = self.state.nodes[self.node_of(place)]
        self.deaf = node.id
        self.one_ends(place, code)
        self.deliver(turn(self.state))
        self.deaf = ""
        on_node_disconnected(node)
        decisions = Decisions()
        on_node_connected(self.state, node, hello(*self.agents[node.id].running), NOW, decisions)
        self.deliver(decisions)

    def boots(self, place: int, wipes: int) -> None:
        node = self.state.nodes[self.node_of(place)]
        decisions = Decisions()
        self.agents[node.id] = Agent()
        self.reboots[node.id] += 1
        if wipes:
            self.used.discard(node.id)
        begin_again(self.state, node, "reimaging" if wipes else "rebooting", NOW, decisions)
        self.deliver(decisions)
        decisions = Decisions()
        on_node_connected(self.state, node, hello(), NOW, decisions)
        settle_phases(self.state, NOW, decisions)
        self.deliver(decisions)

    def is_lost(self, place: int, _: int) -> None:
        """And replaced."""
        name = self.node_of(place)
        decisions = Decisions()
        on_node_gone(self.state, self.state.nodes[name], NOW, decisions)
        del self.agents[name]
        self.number += 1
        self.agents[add_node(self.state, self.number).id] = Agent()
        self.deliver(decisions)

    def job_ends(self, *_: int) -> None:
        decisions = Decisions()
        if not self.job.is_ending:
            jobs.terminate(self.state, self.job, "enough", NOW, decisions)
        self.deliver(decisions)


HAPPENINGS = (
    World.one_ends,
    World.one_ends,
    World.one_ends,
    World.breaks_off,
    World.boots,
    World.is_lost,
)
STEPS = st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 3), st.integers(0, 1))


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=12), st.integers(0, 15), st.integers(0, 1))
@example([(World.breaks_off, 0, 1)], 15, 1)
def test_in_any_order(steps: list[Any], until_end: int, retries: int) -> None:
    """The job ends after so many steps, if there are so many; else when all has come to rest."""
    world = World(retries)
    world.settle(Decisions())
    for number, (happens, place, more) in enumerate(steps):
        if number == until_end:
            world.job_ends()
        happens(world, place, more)
        world.settle(Decisions())
    world.come_to_rest()
    is_barred = {one.standing == "barred" for one in world.job.nodes.values()} == {True}
    assert world.job.is_ending or world.job.unfinished == 0 or is_barred, "tasks wait in vain"
    world.job_ends()
    world.come_to_rest()
    assert world.completed
    assert world.state.jobs == {}
    assert not any(agent.running for agent in world.agents.values())
    present = world.used & world.state.nodes.keys()
    assert present <= world.released.keys(), "a node that was used was not released"
    assert sent(turn(world.state), RunAtOnce) == []
