"""What a node's agent says, over HTTP."""

from __future__ import annotations

import pytest
from tests.batch.service import Api

from batchite.link.messages import UseMeasured

LOG = "/-/pools/films/nodes/tvm-1/log"
USE = "/-/pools/films/use"


@pytest.fixture
async def films(api: Api) -> Api:
    await api.add_pool("films")
    await api.add_node("tvm-1", "films")
    return api


async def test_the_log_of_an_agent(films: Api) -> None:
    assert (await films.raw("GET", LOG)).json == {"nodeId": "tvm-1"}
    films.owner.logs["tvm-1"] = "one\n\x1btwo ü\n"
    answer = await films.raw("GET", LOG)
    assert (answer.status, answer.json) == (200, {"nodeId": "tvm-1", "log": "one\n\x1btwo ü\n"})


async def test_refusals(films: Api) -> None:
    assert (await films.raw("GET", LOG.replace("tvm-1", "tvm-2"))).error == (404, "NodeNotFound")
    assert (await films.raw("GET", LOG.replace("films", "none"))).error == (404, "PoolNotFound")
    assert (await films.raw("GET", LOG, signed=False)).status == 403
    assert (await films.raw("GET", f"{LOG}?x=1")).error == (400, "UnsupportedQueryParameter")


async def test_what_nodes_are_and_use(films: Api) -> None:
    await films.add_node("tvm-2", "films", tier="machine", image="host + ubuntu-16.04")
    films.owner.uses["tvm-2"] = UseMeasured(1, 3, 20_000_000, 1.25, None)
    answer = await films.raw("GET", f"{USE}?nodes=tvm-2,gone,tvm-1")
    about = {"tier": "machine", "image": "host + ubuntu-16.04"}
    used = {"processes": 3, "memory": 20_000_000, "processorSeconds": 1.25}
    assert answer.status == 200
    assert answer.json == {
        "poolId": "films",
        "nodes": [{"nodeId": "tvm-1"}, {"nodeId": "tvm-2", **about, **used}],
    }


@pytest.mark.parametrize("query", ["", "?nodes=,", f"?nodes={','.join(map(str, range(101)))}"])
async def test_what_is_asked_of_which_nodes_has_to_be_said(films: Api, query: str) -> None:
    assert (await films.raw("GET", USE + query)).error == (400, "InvalidQueryParameterValue")


async def test_whose_nodes_are_asked(films: Api) -> None:
    assert (await films.raw("GET", f"{USE}?nodes=tvm-1".replace("films", "none"))).error == (
        404,
        "PoolNotFound",
    )
    assert (await films.raw("GET", f"{USE}?nodes=tvm-1", signed=False)).status == 403
