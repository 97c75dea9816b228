"""What the way by the cloud's names costs a program: `batchite exec`, beside the service's own address."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from batchite.testing import RunningService, running_service
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

PROGRAM = Path(__file__).resolve().parent / "asking.py"
REMARK = (
    "A Python program gets blobs by http.client, without and with `batchite exec`: over plain HTTP from the "
    "service's address, and over HTTPS by the cloud's name, through the proxy, which ends TLS. So a part of "
    "the difference is TLS, of the program and of the proxy."
)
_DIRECT = "plain HTTP, without"


def measure(scale: Scale) -> Measured:
    with running_service(only="blob") as service:
        token = _prepare(service, scale.stream_mebibytes)
        direct, named = [], []
        for _ in range(scale.repeats):
            direct.append(_ask([], f"{service.blob_url}/asked", token, scale))
            host = f"https://{service.storage_account}.blob.core.windows.net"
            named.append(_ask(_exec(service), f"{host}/asked", token, scale))
        starts = [_seconds([*_exec(service), "true"]) for _ in range(scale.repeats)]
        plain = [_seconds([sys.executable, "-c", ""]) for _ in range(scale.repeats)]
    rows = [
        _row("get 1 KiB by exec, kept connection", "ms", "kept", named, direct),
        _row("get 1 KiB by exec, new connection each", "ms", "new", named, direct),
        _row(f"{scale.stream_mebibytes} MiB down by exec", "MiB/s", "rate", named, direct),
        Row("batchite exec -- true", "s", starts, "python -c ''", plain),
    ]
    return Measured(rows, [REMARK])


def _prepare(service: RunningService, mebibytes: int) -> str:
    """Blobs in the container `asked`, and a signature that permits reading them."""
    with BlobServiceClient.from_connection_string(service.storage_connection_string) as client:
        container = client.create_container("asked")
        container.upload_blob("small", b"x" * 1024)
        container.upload_blob("large", bytes(mebibytes << 20))
    return generate_container_sas(
        service.storage_account,
        "asked",
        account_key=service.storage_key,
        permission=ContainerSasPermissions(read=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def _exec(service: RunningService) -> list[str]:
    return [sys.executable, "-m", "batchite", "exec", "--data-dir", str(service.data_dir), "--"]


def _ask(before: list[str], container: str, token: str, scale: Scale) -> dict[str, float]:
    urls = [f"{container}/{name}?{token}" for name in ("small", "large")]
    command = [*before, sys.executable, str(PROGRAM), *urls, str(scale.small_blobs)]
    found: dict[str, float] = json.loads(subprocess.check_output(command))
    return found


def _row(what: str, unit: str, key: str, ours: list[dict[str, float]], direct: list[dict[str, float]]) -> Row:
    samples, reference = [each[key] for each in ours], [each[key] for each in direct]
    return Row(what, unit, samples, _DIRECT, reference, higher_is_better=key == "rate")


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began
