"""Lines to paste, with which programs and shells reach an account."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from batchite.configuration.accounts import BatchAccount, StorageAccount
from batchite.configuration.connecting import blob_endpoint, connection_string
from batchite.portal.visit import Place


class Lines(NamedTuple):
    """For what they are, and the text."""

    purpose: str
    text: str


def of_batch(account: BatchAccount, place: Place, key: str) -> Sequence[Lines]:
    """`key` as it is to be shown."""
    url = place.batch_url
    python = (
        "from azure.batch import BatchClient\n"
        "from azure.core.credentials import AzureNamedKeyCredential\n\n"
        f'client = BatchClient("{url}", AzureNamedKeyCredential("{account.name}", "{key}"))'
    )
    variables = {
        "AZURE_BATCH_ACCOUNT": account.name,
        "AZURE_BATCH_ACCESS_KEY": key,
        "AZURE_BATCH_ENDPOINT": url,
    }
    return (
        Lines("Python", python),
        Lines("Shell, for az batch and everything else that reads the environment", _exports(variables)),
        Lines("az", "az batch pool list --output table"),
    )


def of_storage(account: StorageAccount, place: Place, key: str) -> Sequence[Lines]:
    """`key` as it is to be shown."""
    if not place.blob_url and not account.is_foreign:
        return ()
    connection = connection_string(account, place.blob_url).replace(account.keys[0], key)
    python = (
        "from azure.storage.blob import BlobServiceClient\n\n"
        f'service = BlobServiceClient.from_connection_string("{connection}")'
    )
    return (
        Lines("Connection string", connection),
        Lines("Python", python),
        Lines("Shell", _exports({"AZURE_STORAGE_CONNECTION_STRING": connection})),
        Lines("az", "az storage container list --output table"),
    )


def endpoint(account: StorageAccount, place: Place) -> str:
    """The URL of the account; empty if its service does not run."""
    return blob_endpoint(account, place.blob_url) if place.blob_url or account.is_foreign else ""


def _exports(variables: dict[str, str]) -> str:
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
