"""The tour with azure-batch of nearly ten years: each release sees the same, in its own words."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.batch.clients import operations
from tests.batch.clients.tour import OLD, OLDEST, SEEN
from tests.clients import installing, programs

from batchite.testing import RunningService

pytestmark = pytest.mark.clients

PROGRAM = Path(__file__).parent / "programs" / "msrest_tour.py"

RELEASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "1.0": (installing.OF_2016, "2016-07-01.3.1", OLDEST),
    "3.0": ("azure-batch-3.0", "2017-05-01.5.0", OLD),
    "8.0": ("azure-batch-8.0", "2019-08-01.10.0", {}),
    "14.2": ("azure-batch-14.2", "2024-02-01.19.0", {"images": ["batch.node.ubuntu 22.04", ["linux"]]}),
}
"""Where each is installed, its API version, and what it sees otherwise."""


@pytest.mark.parametrize("release", RELEASES)
async def test_a_tour_in_the_words_of_a_release(
    batchite_service: RunningService, script_url: str, release: str
) -> None:
    client, version, differences = RELEASES[release]
    python = await asyncio.to_thread(installing.python_client, client)
    told = await programs.seen(
        python, "-I", PROGRAM, release, script_url, variables=batchite_service.variables
    )
    expected = {**SEEN, **differences}
    assert told["seen"] == {name: value for name, value in expected.items() if value is not None}
    assert operations.called(told["requests"], version) == operations.there_are(version)
