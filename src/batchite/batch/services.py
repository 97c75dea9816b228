"""What the operations work with."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchite.batch.told import Told
from batchite.configuration.accounts import KnownAccounts
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.scheduling import IN_ORDER, Scheduling
from batchite.ports.node_files import NodeFiles
from batchite.ports.owner import Owner
from batchite.store.batch.walking import USUAL, Effort
from batchite.store.database import Database
from batchite.store.package_files import PackageFiles
from batchite.wire.batch.errors import BatchError
from batchite.wire.ticks import Clock


@dataclass(frozen=True, slots=True)
class Services:
    """One of each, for all requests."""

    database: Database
    accounts: KnownAccounts
    clock: Clock
    owner: Owner
    files: NodeFiles
    fidelity: Fidelity
    packages: PackageFiles
    scheduling: Scheduling = IN_ORDER
    effort: Effort = USUAL
    """that a page of a filtered list may take"""
    told: Told = field(default_factory=Told)
    """what the log has been told once"""

    def check_not_stopping(self) -> None:
        """For what is to change something. Raises BatchError."""
        if self.owner.is_stopping:
            raise BatchError("ServerBusy", "It is stopping and changes nothing until it is started again.")
