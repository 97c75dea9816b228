"""What a node's agent says, over HTTP."""

from __future__ import annotations

import pytest
from tests.batch.service import Api

LOG = "/-/pools/films/nodes/tvm-1/log"


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
