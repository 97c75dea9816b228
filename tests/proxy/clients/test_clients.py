"""Programs that know accounts by name and key alone, run by `batchite exec`: SDKs, HTTP clients, curl."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import needs
from tests.clients import installing, programs

from batchite.testing import RunningService, running_service

pytestmark = pytest.mark.clients

PROGRAMS = Path(__file__).parent / "programs"
LARGE = 10_240_000


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service() as service:
        yield service


@pytest.fixture(scope="module")
def seen(service: RunningService) -> dict[str, Any]:
    """By SDKs of today, told nothing but names and keys of the accounts."""
    variables = {
        "BATCH_ACCOUNT": service.batch_account,
        "BATCH_KEY": service.batch_key,
        "STORAGE_ACCOUNT": service.storage_account,
        "STORAGE_KEY": service.storage_key,
    }
    return told(service, sys.executable, PROGRAMS / "names.py", variables=variables)


def told(service: RunningService, *command: str | Path, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = asyncio.run(programs.seen(*under(service), *command, **options))
    return found


def under(service: RunningService) -> list[str]:
    """What comes before a command, so that it finds this service and nothing else."""
    options = ["--offline", "--data-dir", str(service.data_dir)]
    return [sys.executable, "-m", "batchite", "exec", *options, "--"]


def test_python(service: RunningService, seen: dict[str, Any]) -> None:
    seen = dict(seen)
    name = f"https://{service.storage_account}.blob.core.windows.net"
    assert seen.pop("url").startswith(f"{name}/names/large?")
    assert seen.pop("location") == f"{name}/names/large"
    assert "example.org is refused with --offline" in seen.pop("elsewhere")
    assert seen.pop("no pools") == []
    reading = ("images", "sync", "copied", "async", "aiohttp", "requests", "urllib")
    assert seen == dict.fromkeys(reading, True)


def test_httpx(service: RunningService, seen: dict[str, Any]) -> None:
    python = installing.python_client("httpx")
    found = told(service, python, "-I", PROGRAMS / "with_httpx.py", seen["url"])
    assert found == {"sync": LARGE, "async": LARGE}


def test_curl(service: RunningService, seen: dict[str, Any]) -> None:
    needs.programs("curl")
    command = [*under(service), "curl", "--silent", "--show-error", "--fail", seen["url"]]
    assert len(subprocess.check_output(command)) == LARGE


def test_javascript(service: RunningService) -> None:
    needs.programs("node", "npm")
    storage = told(
        service, "node", PROGRAMS / "storage.mjs", service.storage_account, service.storage_key,
        folder=installing.javascript_client("azure-storage-blob"),
    )  # fmt: skip
    url = f"https://{service.storage_account}.blob.core.windows.net/javascript/large"
    assert storage == {"length": 10_000_000, "last": 7, "url": url}
    batch = told(
        service, "node", PROGRAMS / "batch.mjs", service.batch_account, service.batch_key,
        folder=installing.javascript_client("azure-batch"),
    )  # fmt: skip
    assert batch == [f"https://{service.batch_account}.japaneast.batch.azure.com/jobs/javascript"]


def test_the_programs_know_nothing_of_ours() -> None:
    texts = [path.read_text(encoding="utf-8") for path in PROGRAMS.iterdir() if path.is_file()]
    assert not [text for text in texts if "batchite" in text.lower() or "localhost" in text]
