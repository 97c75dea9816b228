"""Programs that know accounts by name and key alone, run by `batchite exec`: SDKs, HTTP clients, curl."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import needs
from tests.clients import installing, programs
from tests.proxy.clients import article
from tests.proxy.clients.article import PROGRAMS, under

from batchite.testing import RunningService, running_service

pytestmark = pytest.mark.clients

EXAMPLES = Path(__file__).parents[3] / "examples"
LARGE = 10_240_000


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with running_service(arguments=["--cloud-names"]) as service:
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


def test_the_article_of_2016(service: RunningService, tmp_path: Path) -> None:
    """Its client and its task, with nothing but the five lines filled in."""
    answer = article.run(service, tmp_path, 120)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == article.RESULTS
    assert answer.stderr == ""  # nothing was refused


def test_the_example_of_2016(service: RunningService, tmp_path: Path) -> None:
    storage = f"AccountName={service.storage_account};AccountKey={service.storage_key}"
    variables = {
        "AZURE_BATCH_ACCOUNT": service.batch_account,
        "AZURE_BATCH_ACCESS_KEY": service.batch_key,
        "AZURE_BATCH_ENDPOINT": f"https://{service.batch_account}.westeurope.batch.azure.com",
        "AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=https;{storage}",
    }
    python = installing.python_client(installing.OF_2016)
    client = EXAMPLES / "tutorial_2016" / "letters_client.py"
    command = [*under(service), str(python), str(client), "--output", str(tmp_path)]
    environment = {**os.environ, **variables}
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert len(list(tmp_path.glob("*_letters.txt"))) == 3


def test_the_programs_know_nothing_of_ours() -> None:
    texts = [path.read_text(encoding="utf-8") for path in PROGRAMS.iterdir() if path.is_file()]
    assert not [text for text in texts if "batchite" in text.lower() or "localhost" in text]
