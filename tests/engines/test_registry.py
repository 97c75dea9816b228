"""Which engine a pool's nodes come from, and what is said of one that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.dispatch.support import ScriptedEngine
from tests.engines.conformance import SIZE
from tests.nodes.peer import NODE, node_spec

from batchite.engines.base import Handle, Lost
from batchite.engines.registry import Engines, Kind, kinds


def made(_: Path, lost: Lost) -> ScriptedEngine:
    return ScriptedEngine(lost)


def engines(**sizes: str) -> Engines:
    kinds = {name: Kind(made, pattern) for name, pattern in sizes.items()}
    return Engines(kinds, Path(), lambda *_: None)


def test_the_first_that_has_a_size_is_asked_for_it() -> None:
    several = engines(cluster="standard_hb*", local="*", never="*")
    assert several.choose("Standard_HB120rs_v3") == "cluster"
    assert several.choose("standard_d2s_v3") == "local"


def test_the_last_takes_what_none_says_that_it_has() -> None:
    assert engines(cluster="standard_hb*", local="standard_d*").choose("standard_a1_v2") == "local"


def test_whatever_the_size_nodes_are_on_this_machine_today(tmp_path: Path) -> None:
    assert list(kinds()) == ["local"]
    assert kinds()["local"].sizes == "*"


def test_an_engine_is_the_same_at_every_look() -> None:
    several = engines(one="*", other="*")
    assert several.of("one") is several.of("one")
    assert several.of("one") is not several.of("other")


async def test_one_that_is_not_there_refuses_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    missing = engines(local="*").of("cluster")
    outcomes = await missing.start([node_spec("http://127.0.0.1:1")], SIZE)
    assert "'cluster'" in str(outcomes[NODE])
    with pytest.raises(OSError, match="'cluster'"):
        await missing.stop(NODE, Handle("its own"))
    await missing.adopt({NODE: Handle("its own")})
    assert "1 of its nodes are watched by nobody" in caplog.text
    assert await missing.log(NODE, Handle("its own"), 100) is None
    await missing.close()
