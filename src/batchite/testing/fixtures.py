"""Fixtures for pytest: `pytest_plugins = ["batchite.testing.fixtures"]` in a conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from batchite.testing.service import RunningService, running_service


@pytest.fixture(scope="session")
def batchite_service() -> Iterator[RunningService]:
    """Both services on free ports in a temporary directory, one for the whole run."""
    with running_service() as service:
        yield service


@pytest.fixture(scope="session")
def blob_service() -> Iterator[RunningService]:
    """The Blob service alone, one for the whole run: starts faster and takes half the memory."""
    with running_service(only="blob") as service:
        yield service
