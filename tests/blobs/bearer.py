"""A token that allows everything, for requests made without an SDK."""

from datetime import UTC, datetime, timedelta

from azure.storage.blob import AccountSasPermissions, ResourceTypes, Services, generate_account_sas
from tests.blobs.server import KEY, NAME

ALL = "rwdxylacuptfi"


def token() -> str:
    """As it stands in a query."""
    return str(
        generate_account_sas(
            NAME,
            KEY,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions.from_string(ALL),
            datetime.now(UTC) + timedelta(hours=1),
            services=Services(blob=True),
        )
    )
