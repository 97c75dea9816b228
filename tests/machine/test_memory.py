"""What the machine has, and how many nodes may be on it if nobody says."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchite.configuration.config_file import SettingsError
from batchite.configuration.settings import default_max_nodes, load
from batchite.machine import memory


def test_a_container_has_what_it_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, none, absent = tmp_path / "limit", tmp_path / "none", tmp_path / "absent"
    none.write_text("max\n")
    monkeypatch.setattr(memory, "_CONTAINER_LIMITS", (none, absent))
    whole = memory.memory_bytes()
    assert whole > 2**24
    limit.write_text(f"{2**24}\n")
    monkeypatch.setattr(memory, "_CONTAINER_LIMITS", (none, absent, limit))
    assert memory.memory_bytes() == 2**24


@pytest.mark.parametrize(("size", "nodes"), [(24 * 10**9, 150), (10**8, 1), (16 * 10**7, 1), (32 * 10**7, 2)])
def test_nodes_take_a_quarter_of_the_memory(size: int, nodes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory_bytes", lambda: size)
    assert default_max_nodes() == nodes


def test_max_nodes_is_a_setting() -> None:
    assert load({}, {}).max_nodes == default_max_nodes()
    assert load({}, {"BATCHITE_MAX_NODES": "7"}).max_nodes == 7


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", True])
def test_what_is_no_number_of_nodes_is_refused(given: object) -> None:
    with pytest.raises(SettingsError, match="a whole number from 1 on"):
        load({"max_nodes": given}, {})
