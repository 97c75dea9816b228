"""The tour with the command line of Azure, whose `az batch` speaks 2024-02-01.19.0."""

import asyncio
from pathlib import Path

import pytest
from tests.batch.clients import operations
from tests.batch.clients.tour import SCRIPT
from tests.clients import installing, programs

from batchite.testing import RunningService

pytestmark = pytest.mark.clients

PROGRAM = Path(__file__).parent / "programs" / "az_tour.py"
VERSION = "2024-02-01.19.0"
NOT_CALLED = {"Pool_Exists", "File_GetPropertiesFromTask", "File_GetPropertiesFromComputeNode"}
"""The first has no command. Those of the other two, `file show`, fail whatever is answered: az 2.91 looks for
properties in an answer that has headers only."""

SEEN = {
    "pool again": "(PoolExists) The specified pool already exists.",
    "no pool": "(PoolNotFound) The specified pool does not exist.",
    "pool": ["active", 1, 2, [{"name": "kind", "value": "tour"}]],
    "start task": [True, True],
    "pools": [{"id": "tour-az", "vmSize": "Standard_A1_v2"}],
    "node": ["idle", 0, "success"],
    "node counts": [1, 1],
    "job again": "(JobExists) The specified job already exists.",
    "priorities": [5, 7, 9],
    "added": [["fails", "success"], ["stays", "success"]],
    "task again": "(TaskExists) The specified task already exists.",
    "ended": {"works": [0, "success"], "fails": [3, "failure"]},
    "counts": [0, 1, 2, 1, 1],
    "completed": ["fails", "stays", "works"],
    "deleted": "(TaskNotFound) The specified task does not exist.",
    "task files": True,
    "task file": "more\n",
    "task file deleted": "(FileNotFound) The specified file does not exist.",
    "node files": True,
    "node file": SCRIPT.decode(),
    "node file deleted": "(FileNotFound) The specified file does not exist.",
    "job ended": "seen enough",
}


async def test_a_tour_with_az(batchite_service: RunningService, script_url: str, tmp_path: Path) -> None:
    python = await asyncio.to_thread(installing.python_client, "azure-cli")
    variables = {
        **batchite_service.variables,
        "AZURE_CONFIG_DIR": str(tmp_path),
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
    }
    told = await programs.seen(python, "-I", PROGRAM, script_url, variables=variables)
    assert told["seen"] == SEEN
    assert operations.called(told["requests"], VERSION) == operations.there_are(VERSION) - NOT_CALLED
