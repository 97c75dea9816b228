"""Which Batch and storage account a program uses, as the environment or a config file has it."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient


def read(config: Path | None = None) -> Mapping[str, str]:
    """The variables of the environment, and what the config file says instead."""
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
    return values


def batch_client(values: Mapping[str, str]) -> BatchClient:
    """Ends the program if something misses."""
    account, key, endpoint = (
        _required(values, f"AZURE_BATCH_{name}") for name in ("ACCOUNT", "ACCESS_KEY", "ENDPOINT")
    )
    url = endpoint if "://" in endpoint else f"https://{endpoint}"
    return BatchClient(url, AzureNamedKeyCredential(account, key))


def storage_client(values: Mapping[str, str]) -> BlobServiceClient:
    """By the connection string if there is one, else by name and key of an account of the public cloud. Ends
    the program if something misses."""
    text = values.get("AZURE_STORAGE_CONNECTION_STRING") or (
        "DefaultEndpointsProtocol=https;EndpointSuffix=core.windows.net;"
        f"AccountName={_required(values, 'AZURE_STORAGE_ACCOUNT')};"
        f"AccountKey={_required(values, 'AZURE_STORAGE_KEY')}"
    )
    return BlobServiceClient.from_connection_string(text)


def _required(values: Mapping[str, str], name: str) -> str:
    if not values.get(name):
        sys.exit(f"{name} is not set. Set it; tutorial_client.py also takes a file with --config.")
    return values[name]
