"""The tour with SDKs of nearly ten years: each sees the same, in its own words."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from tests import needs
from tests.batch.clients import operations
from tests.batch.clients.tour import OLD, OLDEST, SEEN
from tests.clients import installing, programs

from batchite.testing import RunningService

pytestmark = pytest.mark.clients

PROGRAMS = Path(__file__).parent / "programs"

RELEASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "1.0": (installing.OF_2016, "2016-07-01.3.1", OLDEST),
    "3.0": ("azure-batch-3.0", "2017-05-01.5.0", OLD),
    "8.0": ("azure-batch-8.0", "2019-08-01.10.0", {"extensions": None}),
    "14.2": (
        "azure-batch-14.2",
        "2024-02-01.19.0",
        {
            "images": ["batch.node.ubuntu 22.04", ["linux", "windows"]],
            "used by all jobs": None,
            "used of all pools": None,
        },
    ),
}
"""Of azure-batch: where each is installed, its API version, and what it sees otherwise."""


LACKING = {"1.0": {"Task_Reactivate"}}
"""Operations of its version that a client had only in a later release."""


def check(
    told: Any, version: str, differences: dict[str, Any], lacking: Collection[str] = frozenset()
) -> None:
    """What a program told: everything was seen, by every operation of the version but those `lacking`."""
    expected = {**SEEN, **differences}
    assert told["seen"] == {name: value for name, value in expected.items() if value is not None}
    assert operations.called(told["requests"], version) == operations.there_are(version).difference(lacking)


@pytest.mark.parametrize("release", RELEASES)
async def test_python(batchite_service: RunningService, script_url: str, release: str) -> None:
    client, version, differences = RELEASES[release]
    python = await asyncio.to_thread(installing.python_client, client)
    command = [python, "-I", PROGRAMS / "msrest_tour.py", release, script_url]
    told = await programs.seen(*command, variables=batchite_service.variables)
    check(told, version, differences, LACKING.get(release, ()))


async def test_javascript(batchite_service: RunningService, script_url: str) -> None:
    needs.programs("node", "npm")
    folder = await asyncio.to_thread(installing.javascript_client, "azure-batch")
    command = ["node", PROGRAMS / "tour.mjs", script_url]
    told = await programs.seen(*command, folder=folder, variables=batchite_service.variables)
    differences = {
        "images": ["batch.node.ubuntu 20.04", ["linux", "windows"]],
        "too large": [413, "RequestBodyTooLarge"],
        "no file": [404, None],  # it reads no error where it wants the content of a file
        "no desktop": [409, None],
    }
    check(told, "2022-10-01.16.0", differences)
