"""Where in the storage a page is: the account, the container, the folder, the blob; and the way there."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.configuration.accounts import StorageAccount
from batchite.portal.answers import NotHere
from batchite.portal.blob_client import addresses
from batchite.portal.blob_client.client import Client, Where
from batchite.portal.blob_client.connection import Account
from batchite.portal.visit import Visit, address

Steps = list[tuple[str, str]]
"""Texts and URLs of the way to a page; the last one has no URL"""


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """An account, as the portal reaches it and as its users do."""

    visit: Visit
    account: StorageAccount
    client: Client
    public_url: str
    """of the account, as clients reach it"""

    @property
    def is_direct(self) -> bool:
        """Whether browsers may speak with the service themselves: only ours lets pages of the portal."""
        return not self.account.is_foreign

    @property
    def container(self) -> str:
        return self.visit.params["container"]

    @property
    def prefix(self) -> str:
        """The folder: what the names of all blobs in it begin with."""
        return self.visit.query("prefix")

    @property
    def is_of_blob(self) -> bool:
        """Whether the URL names one."""
        return "container" in self.visit.params and self.visit.query("name") != ""

    @property
    def blob(self) -> Where:
        """Raises NotHere."""
        name = self.visit.query("name")
        if not name:
            raise NotHere("The URL of a blob's page has its name.")
        return Where(self.container, name, self.visit.query("snapshot"), self.visit.query("versionid"))

    def url(self, *segments: str, **query: str) -> str:
        """A page below that of the account."""
        return address("storage", self.account.name, *segments, **query)

    def container_url(self, *segments: str, **query: str) -> str:
        return self.url("containers", self.container, *segments, **query)

    def blob_url(self, where: Where, *segments: str, **query: str) -> str:
        return self.container_url("blob", *segments, name=where.name, **where.query, **query)

    def public(self, container: str = "", blob: str = "") -> str:
        """The URL by which clients reach it."""
        return self.public_url + addresses.path(container, blob) if container else f"{self.public_url}/"

    def steps(self, prefix: str = "", *more: str) -> Steps:
        """To the container, through its folders, and on."""
        found: Steps = [("Storage", address("storage")), (self.account.name, self.url())]
        if "container" not in self.visit.params:
            return _without_last([*found, *((text, "") for text in more)])
        found.append((self.container, self.container_url()))
        begin = 0
        while (end := prefix.find("/", begin)) >= 0:
            found.append((prefix[begin:end] or "/", self.container_url(prefix=prefix[: end + 1])))
            begin = end + 1
        return _without_last([*found, *((text, "") for text in more)])


def _without_last(steps: Steps) -> Steps:
    return [*steps[:-1], (steps[-1][0], "")]


def find(visit: Visit) -> StoragePlace:
    """That of the URL. Raises NotHere."""
    return of(visit, visit.params["storage"])


def of(visit: Visit, name: str) -> StoragePlace:
    """The account of this name. Raises NotHere."""
    account = next((each for each in visit.storage_accounts if each.name == name), None)
    if account is None:
        raise NotHere(f"There is no storage account {name!r} here, or it is not yours to see.")
    url, public_url = urls(visit, account)
    if not url:
        raise NotHere("The Blob service does not run here. `batchite serve` starts both services.")
    client = Client(visit.connection, Account(account.name, account.key_bytes[0], url, account.is_foreign))
    return StoragePlace(visit, account, client, public_url)


def urls(visit: Visit, account: StorageAccount) -> tuple[str, str]:
    """Of the account, as the portal reaches it and as its users do; empty: there is none."""
    if account.is_foreign:
        return account.blob_endpoint, account.blob_endpoint
    own, public = visit.place.own_blob_url, visit.place.blob_url
    return own and f"{own}/{account.name}", public and f"{public}/{account.name}"


def folder_of(blob: str) -> str:
    """The beginning of the name that is the folder it is in."""
    return blob[: blob.rstrip("/").rfind("/") + 1]


def last_part(name: str, prefix: str = "") -> str:
    """How it is called in its folder. A name may consist of slashes alone."""
    return name.removeprefix(prefix) or name
