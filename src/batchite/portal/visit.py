"""One look at the portal: who asks for what, with all that a view needs to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote, urlencode

from batchite.batch.acting import Acting
from batchite.batch.services import Services
from batchite.configuration.accounts import BatchAccount, StorageAccount
from batchite.portal.answers import NotHere
from batchite.portal.blob_client.connection import Connection
from batchite.portal.sessions import Session
from batchite.web.request import Incoming
from batchite.wire.ticks import Timestamp

ROOT = "/-/portal"
DOCS = "/-/docs"
"""open to anybody"""


@dataclass(frozen=True)
class Place:
    """What of the service's surroundings the pages show."""

    batch_url: str
    blob_url: str
    """as clients reach them; empty: it does not run"""
    data_dir: str
    is_read_only: bool = False
    own_blob_url: str = ""
    """as the portal itself reaches the Blob service"""
    authority: str = ""
    """the file by which that is trusted beside those that the system trusts"""


@dataclass
class Visit:
    """`params` are those of the path, decoded; `form` is the body of a change, empty otherwise."""

    request: Incoming
    services: Services
    place: Place
    connection: Connection
    """to Blob services"""
    session: Session
    csrf_token: str
    params: Mapping[str, str]
    form: Mapping[str, str]
    now: Timestamp
    is_following: bool = False
    """only what changes of the page is rendered"""

    @property
    def can_change(self) -> bool:
        return not self.place.is_read_only

    @property
    def path(self) -> str:
        return self.request.raw_path

    @property
    def target(self) -> str:
        """Path and query, as sent."""
        return self.path + (f"?{self.request.raw_query}" if self.request.raw_query else "")

    def query(self, name: str) -> str:
        """A parameter of the URL, empty if it is not there."""
        return self.request.parameters.get(name, "")

    def number(self, name: str) -> int:
        """A parameter of the URL as the number of a row; 0 if it is none."""
        text = self.query(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0

    @cached_property
    def batch_accounts(self) -> tuple[BatchAccount, ...]:
        """Those that whoever looks may see."""
        known = self.services.accounts.batch
        mine = self.session.account
        return tuple(account for account in known if self.session.is_operator or account.name == mine)

    @cached_property
    def storage_accounts(self) -> tuple[StorageAccount, ...]:
        """Likewise: all, or the one that belongs to the Batch account."""
        known = self.services.accounts.storage
        if self.session.is_operator:
            return known
        mine = {account.storage_account for account in self.batch_accounts}
        return tuple(account for account in known if account.name in mine)

    @cached_property
    def account(self) -> BatchAccount:
        """The Batch account of the page; that of the navigation on pages which have none. Raises NotHere."""
        name = self.params.get("account")
        found = [account for account in self.batch_accounts if name in (None, account.name)]
        if not found:
            raise NotHere(f"There is no Batch account {name!r} here, or it is not yours to see.")
        return found[0]

    def chosen(self, account: str) -> Visit:
        """The same in the Batch account of this name; as it is for no name."""
        return replace(self, params={**self.params, "account": account}) if account else self

    @property
    def acting(self) -> Acting:
        """With which the actions of the Batch API are done. Raises NotHere."""
        return Acting(self.services, self.account.name, self.now)

    def url(self, *segments: str, **query: str | int) -> str:
        """A page below that of the Batch account: `url("pools", "p1")`."""
        return address("batch", self.account.name, *segments, **query)

    def here(self, **changed: str | int) -> str:
        """This page with other parameters; empty ones go."""
        kept = {**dict(self.request.query), **{name: str(value) for name, value in changed.items()}}
        return with_query(self.path, {name: value for name, value in kept.items() if value})


def address(*segments: str, **query: str | int) -> str:
    """A page of the portal; segments and query are encoded."""
    path = "/".join([ROOT, *(quote(segment, safe="") for segment in segments)])
    return with_query(path, {name: str(value) for name, value in query.items() if value != ""})


def with_query(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
