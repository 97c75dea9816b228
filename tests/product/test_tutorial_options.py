"""The tutorial's next steps, as options, and the helpers beside it."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential

from batchite.testing.service import running_service

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial"
SHORT = datetime.timedelta(seconds=60)


@pytest.fixture
def helpers(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(TUTORIAL))
    import helpers

    return helpers


def test_an_existing_pool_more_tasks_and_a_delay(tmp_path: Path, helpers) -> None:
    with running_service(tmp_path / "data") as service:
        credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
        with BatchClient(service.batch_url, credential) as client:
            script = (TUTORIAL / "tutorial_task.py").as_posix()
            make_pool(client, helpers, f'cp "{script}" "$AZ_BATCH_NODE_SHARED_DIR"')
            nodes = helpers.wait_for_nodes(client, "mine", [models.BatchNodeState.IDLE], SHORT)
            assert len(nodes) == 1
            answer = run_client(service.variables, tmp_path / "results")
            assert answer.returncode == 0, answer.stdout + answer.stderr
            assert "Using the existing pool [mine]" in answer.stdout
            assert "Adding 6 tasks" in answer.stdout
            assert len(list((tmp_path / "results").iterdir())) == 3


def make_pool(client: BatchClient, helpers, command: str) -> None:
    agent_sku, image = helpers.select_image(client, "canonical", "0001-com-ubuntu-server", "22_04")
    machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id=agent_sku)
    client.create_pool(
        models.BatchPoolCreateOptions(
            id="mine",
            vm_size="Standard_A2_v2",
            target_dedicated_nodes=1,
            task_slots_per_node=2,
            virtual_machine_configuration=machine,
            start_task=models.BatchStartTask(
                command_line=helpers.wrap_in_shell([command]), wait_for_success=True
            ),
        )
    )


def run_client(variables: dict[str, str], results: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TUTORIAL / "tutorial_client.py"), "--output", str(results)]
    command += ["--pool-id", "mine", "--reuse-pool", "--rounds", "2", "--delay", "0.1"]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **variables},
    )


def test_without_accounts_it_says_which_variable_is_missing() -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    command = [sys.executable, str(TUTORIAL / "tutorial_client.py")]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
    assert answer.returncode == 1
    assert "AZURE_STORAGE_ACCOUNT is not set" in answer.stderr
    assert "--config" in answer.stderr


def test_accounts_from_a_file_and_refusals_are_printed(tmp_path: Path) -> None:
    with running_service(tmp_path / "data") as service:
        config = tmp_path / "accounts.ini"
        config.write_text(
            f"[batch]\naccount = {service.batch_account}\naccess_key = d3Jvbmc=\n"
            f"endpoint = {service.batch_url}\n"
            f"[storage]\nconnection_string = {service.storage_connection_string}\n"
        )
        command = [sys.executable, str(TUTORIAL / "tutorial_client.py"), "--config", str(config)]
        answer = subprocess.run(command, check=False, capture_output=True, text=True)
        assert answer.returncode == 1
        assert "Uploading file" in answer.stdout
        assert "Batch refused the request with status 403" in answer.stderr
        assert "AuthenticationFailed" in answer.stderr
