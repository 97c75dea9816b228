"""The cloud's names from within nodes that are machines."""

import time
from pathlib import Path

import azure.batch
import pytest
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential

from batchite.testing import running_service
from batchite.tls import certificates

SECONDS = 60.0
ASK = """
import urllib.error, urllib.request
try:
    urllib.request.urlopen("https://devstoreaccount1.blob.core.windows.net/?comp=list")
except urllib.error.HTTPError as error:
    print(error.code, error.headers["x-ms-error-code"])
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
    variables = {"BATCHITE_SANDBOX_TIER": "machine"}
    tls = "--tls" in arguments
    if tls:
        certificates.init(tmp_path, ["127.0.0.1"])
    with running_service(tmp_path, arguments=arguments, variables=variables) as service:
        credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
        trust = {"connection_verify": service.variables["SSL_CERT_FILE"]} if tls else {}
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
            command = f"python3 -c '{ASK}'"
            batch.create_task("j", models.BatchTaskCreateOptions(id="t", command_line=command))
            deadline = time.monotonic() + SECONDS
            while batch.get_task("j", "t").state != "completed":
                assert time.monotonic() < deadline
                time.sleep(0.05)
            errors = b"".join(batch.download_task_file("j", "t", "stderr.txt"))
            said = b"".join(batch.download_task_file("j", "t", "stdout.txt"))
    assert said.decode() == "401 NoAuthenticationInformation\n", errors.decode()
