"""Which Batch and storage account a program uses."""

from __future__ import annotations

import configparser
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient


@dataclass(frozen=True)
class Credentials:
    """Which accounts to use."""

    batch_account: str
    batch_key: str
    batch_endpoint: str
    storage_connection_string: str


def read_credentials(config: Path | None = None) -> Credentials:
    """From the config file if there is one, else from the environment. Ends the program if some miss."""
    values = dict(os.environ)
    if config is not None:
        parser = configparser.ConfigParser(interpolation=None)
        with config.open(encoding="utf-8") as file:
            parser.read_file(file)
        for section in ("batch", "storage"):
            if parser.has_section(section):
                values.update(
                    {f"AZURE_{section}_{name}".upper(): value for name, value in parser.items(section)}
                )
    if not values.get("AZURE_STORAGE_CONNECTION_STRING"):
        values["AZURE_STORAGE_CONNECTION_STRING"] = (
            "DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net;"
            f"AccountName={_required(values, 'AZURE_STORAGE_ACCOUNT')};"
            f"AccountKey={_required(values, 'AZURE_STORAGE_KEY')}"
        )
    endpoint = _required(values, "AZURE_BATCH_ENDPOINT")
    return Credentials(
        batch_account=_required(values, "AZURE_BATCH_ACCOUNT"),
        batch_key=_required(values, "AZURE_BATCH_ACCESS_KEY"),
        batch_endpoint=endpoint if "://" in endpoint else f"https://{endpoint}",
        storage_connection_string=values["AZURE_STORAGE_CONNECTION_STRING"],
    )


def _required(values: dict[str, str], name: str) -> str:
    if not values.get(name):
        sys.exit(f"{name} is not set. Set it, or name a file with --config.")
    return values[name]


def batch_client(credentials: Credentials) -> BatchClient:
    key = AzureNamedKeyCredential(credentials.batch_account, credentials.batch_key)
    return BatchClient(credentials.batch_endpoint, key)


def storage_client(credentials: Credentials) -> BlobServiceClient:
    return BlobServiceClient.from_connection_string(credentials.storage_connection_string)
