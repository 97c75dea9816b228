"""How programs name an account and where it is."""

from __future__ import annotations

from batchite.configuration.accounts import StorageAccount


def connection_string(account: StorageAccount, blob_url: str) -> str:
    """As the storage SDKs take it; `blob_url` is that of our service."""
    endpoint = blob_endpoint(account, blob_url)
    scheme = endpoint.partition(":")[0]
    return (
        f"DefaultEndpointsProtocol={scheme};AccountName={account.name};AccountKey={account.keys[0]};"
        f"BlobEndpoint={endpoint};"
    )


def blob_endpoint(account: StorageAccount, blob_url: str) -> str:
    """The URL of the account."""
    return account.blob_endpoint or f"{blob_url}/{account.name}"
