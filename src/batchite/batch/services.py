"""What the operations work with."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.configuration.accounts import KnownAccounts
from batchite.ports.node_files import NodeFiles
from batchite.ports.owner import Owner
from batchite.store.database import Database
from batchite.wire.ticks import Clock


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, for all requests."""

    database: Database
    accounts: KnownAccounts
    clock: Clock
    owner: Owner
    files: NodeFiles
