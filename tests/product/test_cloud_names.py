"""The cloud's names from within nodes that are machines."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import azure.batch
import pytest
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from tests.product.test_accounts import account as make_account

from batchite.testing import RunningService, running_service
from batchite.tls import certificates

SECONDS = 60.0
ASK = """
import urllib.error, urllib.request
for url in (
    "https://devstoreaccount1.blob.core.windows.net/?comp=list",
    "https://devbatch.westeurope.batch.azure.com/pools?api-version=2025-06-01",
):
    try:
        urllib.request.urlopen(url)
    except urllib.error.HTTPError as error:
        print(error.code, error.headers["x-ms-error-code"] or error.headers["link"])
"""
LATER = """
import time, urllib.error, urllib.request
print("begun", flush=True)
deadline = time.monotonic() + 30
while "films" not in open("/etc/hosts").read():
    assert time.monotonic() < deadline
    time.sleep(0.05)
for url in ("https://films.blob.core.windows.net/?comp=list", "https://films.japaneast.batch.azure.com/pools"):
    try:
        urllib.request.urlopen(url)
    except urllib.error.HTTPError as error:
        print(error.code)
"""
IMAGE = models.VirtualMachineConfiguration(
    image_reference=models.BatchVmImageReference(
        publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
    ),
    node_agent_sku_id="batch.node.ubuntu 22.04",
)


@pytest.mark.system
@pytest.mark.parametrize("arguments", [[], ["--cloud-names", "--tls"]], ids=["hosts", "proxy"])
def test_tasks_of_a_machine_find_them_and_trust_what_answers(tmp_path: Path, arguments: list[str]) -> None:
    """By the node's hosts file, or by the proxy that was asked for; though the authorities lie in the data
    directory, which a machine does not see."""
    tls = "--tls" in arguments
    if tls:
        certificates.init(tmp_path, ["127.0.0.1"])
    with machines(tmp_path, arguments) as (_, batch):
        add(batch, f"python3 -c '{ASK}'")
        said = end(batch)
    assert said == [
        "401 NoAuthenticationInformation",
        '403 </-/docs/batch-errors#authenticationfailed>; rel="help"',
    ]


TRUSTING = """
PYTHON="import urllib.error, urllib.request
try:
    urllib.request.urlopen('$BLOBS')
except urllib.error.HTTPError as error:
    print(error.code, end=' ')"
bare() { env -i PATH=/usr/bin:/bin "$@"; }
bare curl -sS -o /dev/null -w '%{http_code} ' $BLOBS
bare /usr/bin/python3 -c "$PYTHON"
bare openssl s_client -verify_return_error -connect $BATCH:443 </dev/null >/dev/null 2>&1
echo $?
"""
BLOBS = "https://devstoreaccount1.blob.core.windows.net/?comp=list"
BATCH = "devbatch.westus.batch.azure.com"


@pytest.mark.system
def test_what_a_task_starts_without_its_variables_trusts_them_too(tmp_path: Path) -> None:
    """By the system's own authorities, also once its tool has made these anew; this machine's stay."""
    script = tmp_path / "script"
    script.write_text(
        f"BLOBS='{BLOBS}' BATCH={BATCH}\n{TRUSTING}update-ca-certificates --fresh >&2\n{TRUSTING}"
    )
    script.chmod(0o755)
    before = digest_of_authorities()
    config = tmp_path / "config.toml"
    config.write_text(f"[sandbox]\nshare = ['{script}']\n")
    with machines(tmp_path / "data", ["--config", str(config)]) as (_, batch):
        add(batch, f"/bin/sh {script}", is_admin=True)
        assert end(batch) == ["401 401 0"] * 2
    assert digest_of_authorities() == before


def digest_of_authorities() -> str:
    """Of this machine, with the names of their files."""
    digest = hashlib.sha256(Path("/etc/ssl/certs/ca-certificates.crt").read_bytes())
    for place in ("/etc/ssl/certs", "/usr/local/share/ca-certificates"):
        digest.update(repr(sorted(os.listdir(place))).encode())
    return digest.hexdigest()


@pytest.mark.system
def test_a_task_that_runs_finds_an_account_that_is_made_meanwhile(tmp_path: Path) -> None:
    with machines(tmp_path) as (service, batch):
        add(batch, f"python3 -c '{LATER}'")
        deadline = time.monotonic() + SECONDS
        while printed(batch) != ["begun"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        make_account(service, "create", "films")
        assert end(batch) == ["begun", "401", "403"]


@contextmanager
def machines(
    directory: Path, arguments: Sequence[str] = ()
) -> Iterator[tuple[RunningService, azure.batch.BatchClient]]:
    """A service with a pool of a node that is one, and a job for it."""
    variables = {"BATCHITE_SANDBOX_TIER": "machine"}
    with running_service(directory, arguments=arguments, variables=variables) as service:
        credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
        trust = {"connection_verify": service.variables["SSL_CERT_FILE"]} if "--tls" in arguments else {}
        with azure.batch.BatchClient(service.batch_url, credential, **trust) as batch:
            batch.create_pool(
                models.BatchPoolCreateOptions(
                    id="p", vm_size="standard_a1_v2", target_dedicated_nodes=1,
                    virtual_machine_configuration=IMAGE,
                )
            )  # fmt: skip
            batch.create_job(
                models.BatchJobCreateOptions(id="j", pool_info=models.BatchPoolInfo(pool_id="p"))
            )
            yield service, batch


def add(batch: azure.batch.BatchClient, command: str, *, is_admin: bool = False) -> None:
    user = models.UserIdentity(
        auto_user=models.AutoUserSpecification(elevation_level="admin" if is_admin else "nonadmin")
    )
    batch.create_task("j", models.BatchTaskCreateOptions(id="t", command_line=command, user_identity=user))


def end(batch: azure.batch.BatchClient) -> list[str]:
    """The lines that the task has printed when it is over; it must succeed."""
    deadline = time.monotonic() + SECONDS
    while (task := batch.get_task("j", "t")).state != "completed":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    errors = b"".join(batch.download_task_file("j", "t", "stderr.txt"))
    assert task.execution_info is not None
    assert task.execution_info.exit_code == 0, errors.decode()
    return printed(batch)


def printed(batch: azure.batch.BatchClient) -> list[str]:
    try:
        return b"".join(batch.download_task_file("j", "t", "stdout.txt")).decode().splitlines()
    except HttpResponseError:  # it has not begun
        return []
