"""Accounts that are made while both services run."""

import json
import subprocess
import sys
from typing import Any

import azure.batch
import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from batchite.testing.service import RunningService, running_service


def account(service: RunningService, *words: str) -> Any:
    command = [sys.executable, "-m", "batchite", "account", *words]
    command += ["--data-dir", str(service.data_dir), "--json"]
    return json.loads(subprocess.check_output(command, timeout=60))


def test_both_services_know_a_new_account_and_its_keys_at_once() -> None:
    with running_service() as service:
        made = {found["kind"]: found for found in account(service, "create", "films")}
        credential = AzureNamedKeyCredential("films", made["batch"]["keys"][1])
        assert list(azure.batch.BatchClient(service.batch_url, credential).list_pools()) == []
        url = service.blob_url.replace(service.storage_account, "films")
        blobs = BlobServiceClient(url, {"account_name": "films", "account_key": made["storage"]["keys"][0]})
        blobs.create_container("things")
        new = account(service, "renew-key", "films", "--kind", "storage")["key"]
        with pytest.raises(HttpResponseError):
            blobs.create_container("more")
        BlobServiceClient(url, {"account_name": "films", "account_key": new}).create_container("more")
        names = [(found["name"], found["made"]) for found in account(service, "list")]
        assert names == [
            ("devbatch", False),
            ("films", True),
            ("devstoreaccount1", False),
            ("films", True),
        ]
