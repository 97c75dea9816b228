from collections.abc import Iterator

import pytest

from batchite.engines.local import engine
from batchite.engines.local.starting import Starter


class Lasting(Starter):
    """What engines have in common does not end with one of them."""

    def close(self) -> None:
        return None

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    starter = Lasting()
    starter.begin()
    yield starter
    starter.end()


@pytest.fixture
def one_starter(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """All engines fork agents from one server: how each has its own is another module's (`test_starting`)."""
    monkeypatch.setattr(engine, "Starter", lambda: starter)
