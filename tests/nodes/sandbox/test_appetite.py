"""Who has to go where commands take more memory than there is."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from batchite.machine import proc
from batchite.nodes.sandbox.appetite import Appetite


@pytest.fixture
def somebody() -> Iterator[int]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def test_nobody_goes_whose_part_was_counted_twice(somebody: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is while those end with whom he has it in common."""
    counts = Counter[int]()

    def share(pid: int) -> int:
        counts[pid] += 1
        return 2 if counts[pid] == 1 else 0

    monkeypatch.setattr(proc, "share", share)
    assert Appetite(1).greediest(()) is None
    assert counts[somebody] == 2


def test_who_takes_most_goes(somebody: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "share", lambda pid: 2 if pid == somebody else 0)
    assert Appetite(1).greediest(()) == somebody
