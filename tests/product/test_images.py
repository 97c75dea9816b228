"""Pools of images of then and of Windows, whose nodes are machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import azure.batch
import pytest
from azure.batch import models
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient
from tests.service.house import House, pool_options, settings, sh, until

from batchite.testing.service import running_service

pytestmark = pytest.mark.system

ADMIN = models.UserIdentity(
    auto_user=models.AutoUserSpecification(elevation_level=models.ElevationLevel.ADMIN)
)
MACHINES = {"BATCHITE_SANDBOX_TIER": "machine"}
CONFIG = """
[[images]]
sku = "9"
path = ["/opt/own"]
environment = { OF_THE_IMAGE = "yes" }
"""
LOOK = "python --version; command -v apt-get; cat /etc/pip.constraints; ls /usr/share/batchite/period"


@contextmanager
def opened(directory: Path) -> Iterator[House]:
    """Services whose data is in `data` of that directory, and their nodes machines."""
    config = directory / "batchite.toml"
    config.write_text(CONFIG)
    with running_service(directory / "data", config=config, variables=MACHINES) as service:
        credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
        batch = azure.batch.BatchClient(service.batch_url, credential)
        blob = BlobServiceClient.from_connection_string(service.storage_connection_string)
        yield House(Path(service.data_dir), service.batch_url, service.blob_url, batch, batch, blob)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("service")) as house:
        yield house


def pool_of(
    publisher: str, offer: str, sku: str, agent: str, nodes: int = 1
) -> models.BatchPoolCreateOptions:
    pool = pool_options(f"pool-{sku}".replace(".", "-"), nodes)
    pool.virtual_machine_configuration = models.VirtualMachineConfiguration(
        image_reference=models.BatchVmImageReference(publisher=publisher, offer=offer, sku=sku),
        node_agent_sku_id=agent,
    )
    return pool


def job_on(house: House, pool: models.BatchPoolCreateOptions, script: str = "") -> str:
    """A job on that pool, whose start task runs the script as the node's root."""
    if script:
        pool.start_task = models.BatchStartTask(
            command_line=sh(script), user_identity=ADMIN, wait_for_success=True
        )
    house.batch.create_pool(pool)
    until(
        lambda: list(house.batch.list_nodes(pool.id)),
        lambda nodes: [node.state for node in nodes] in (["idle"], ["starttaskfailed"]),
        "the node is there",
    )
    return house.add_job(pool.id)


def test_a_start_task_finds_what_scripts_of_then_look_for(house: House) -> None:
    script = f"({LOOK}) > $AZ_BATCH_NODE_SHARED_DIR/seen && echo x > /etc/changed"
    pool = pool_of("Canonical", "UbuntuServer", "14.04.5-LTS", "batch.node.ubuntu 14.04")
    job = job_on(house, pool, script)
    seen = house.output(job, sh("cat $AZ_BATCH_NODE_SHARED_DIR/seen; id -un; cat /etc/changed")).splitlines()
    assert seen[0].startswith("Python 3.")
    assert seen[1:3] == ["/usr/local/sbin/apt-get", "azure-storage<0.37"]
    assert "python-pip.deb" in seen
    assert seen[-2:] == ["_azbatch", "x"]
    assert not Path("/etc/changed").exists()
    assert not Path("/etc/pip.constraints").exists()
    assert house.output(job, sh("echo $PIP_CONSTRAINT")) == "/etc/pip.constraints\n"


def test_command_lines_of_windows(house: House) -> None:
    pool = pool_of("microsoftwindowsserver", "windowsserver", "2019-datacenter", "batch.node.windows amd64")
    job = job_on(house, pool)
    line = r"cmd /c echo %NAME%>out.txt && type %AZ_BATCH_TASK_WORKING_DIR%\out.txt"
    assert house.output(job, line, environment_settings=settings(NAME="a b")) == "a b\n"
    failed = house.run(job, "cmd /c robocopy a b")
    assert failed.execution_info.exit_code == 1
    assert "a Windows command on a Linux node" in house.text(job, failed.id, "stderr.txt")


def test_what_the_operator_says_of_an_image(house: House) -> None:
    job = job_on(house, pool_of("Credativ", "Debian", "9", "batch.node.debian 9"))
    seen = house.output(job, sh("echo $OF_THE_IMAGE $PATH; ls /usr/share/batchite 2>&1 || true"))
    assert seen.startswith("yes /opt/own:")
    assert "period" not in seen
