"""Where the tutorial finds its accounts, and what it says of a refusal."""

import os
import subprocess
import sys
from pathlib import Path

from batchite.testing.service import running_service

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial"


def test_without_accounts_it_says_which_variable_is_missing() -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    command = [sys.executable, str(TUTORIAL / "tutorial_client.py")]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
    assert answer.returncode == 1
    assert "AZURE_BATCH_ACCOUNT is not set" in answer.stderr
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
