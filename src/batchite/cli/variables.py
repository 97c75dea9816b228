"""What the tools of this world read from their environment, for the service of a data directory."""

from __future__ import annotations

from batchite.configuration.accounts import Accounts, BatchAccount, StorageAccount
from batchite.configuration.connecting import connection_string
from batchite.configuration.endpoints import Endpoints
from batchite.tls.identity import trusting


def variables(
    accounts: Accounts, endpoints: Endpoints, *, batch_account: str | None = None
) -> dict[str, str]:
    """Of `batch_account`, else the first one, and its storage account. Services never started are left out.

    Raises LookupError if there is no such account.
    """
    batch = accounts.find_batch(batch_account) if batch_account else accounts.batch[0]
    if batch is None:
        known = ", ".join(account.name for account in accounts.batch)
        raise LookupError(f"no Batch account {batch_account!r}; there are {known}")
    storage = accounts.find_storage(batch.storage_account or "") or accounts.storage[0]
    return _of_batch(batch, endpoints) | _of_storage(storage, endpoints) | trusting(endpoints.bundle)


def _of_batch(account: BatchAccount, endpoints: Endpoints) -> dict[str, str]:
    url = endpoints.public_url("batch")
    if url is None:
        return {}
    return {
        "AZURE_BATCH_ACCOUNT": account.name,
        "AZURE_BATCH_ACCESS_KEY": account.keys[0],
        "AZURE_BATCH_ENDPOINT": url,
    }


def _of_storage(account: StorageAccount, endpoints: Endpoints) -> dict[str, str]:
    url = endpoints.public_url("blob")
    if url is None and not account.is_foreign:
        return {}
    return {
        "AZURE_STORAGE_ACCOUNT": account.name,
        "AZURE_STORAGE_KEY": account.keys[0],
        "AZURE_STORAGE_CONNECTION_STRING": connection_string(account, url or ""),
    }
