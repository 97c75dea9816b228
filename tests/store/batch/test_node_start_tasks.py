"""The start tasks of nodes that booted before their rows had them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.store.batch import former

from batchite.resources.rules import PoolRules, StartTaskRules, encode, of_stored_start_task
from batchite.store import migrating
from batchite.store.batch import schema
from batchite.store.database import create_engine

OWN = StartTaskRules(b'{"commandLine":"c","maxTaskRetryCount":2,"waitForSuccess":false}', False, 2)


@pytest.mark.parametrize(
    ("definition", "rules", "expected"),
    [
        (b'{"startTask":' + OWN.definition + b"}", None, OWN),
        (b"{}", PoolRules(start_task=OWN), OWN),
        (b"{}", None, None),
        (b"{}", PoolRules(slots_per_node=2), None),
    ],
)
def test_nodes_that_have_booted_ran_that_of_their_pool(
    empty_url: str, definition: bytes, rules: PoolRules | None, expected: StartTaskRules | None
) -> None:
    engine = create_engine(empty_url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "batch", "0018")
        stored = {"definition": definition, "rules": rules and encode(rules)}
        former.insert(connection, schema.pools, former.present(schema.pools, former.POOL) | stored)
        for node, booted in (("old", 5), ("new", None)):
            former.insert(connection, schema.nodes, node_row(node, booted))
    migrating.upgrade(empty_url, "batch")
    with engine.connect() as connection:
        nodes = {node.id: node for node in connection.execute(sa.select(schema.nodes))}
    engine.dispose()
    assert of_stored_start_task(nodes["old"].start_task) == expected
    assert nodes["new"].start_task is None


def node_row(node: str, booted: int | None) -> dict[str, Any]:
    return {
        "pool_no": 1,
        "id": node,
        "dedicated": True,
        "state": "idle",
        "state_time": 5,
        "allocated": 5,
        "booted": booted,
    }
