"""The accounts as the file has them now: whoever makes one, or a key, need not start the services again."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from batchite.configuration import accounts
from batchite.configuration.accounts import Accounts, BatchAccount, StorageAccount

log = logging.getLogger(__name__)


class FollowedAccounts:
    """Implements `KnownAccounts`. Asks at every look whether the file has been replaced, which takes a
    microsecond, so that a key that was replaced opens nothing any more. Raises as `accounts.load` does."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._place = str(data_dir / accounts.FILE_NAME)
        self._seen = self._look()
        self._current = accounts.load(data_dir)

    def _look(self) -> tuple[int, int, int]:
        status = os.stat(self._place)
        return status.st_mtime_ns, status.st_ino, status.st_size

    @property
    def current(self) -> Accounts:
        """The same value as long as nothing has changed. A file that cannot be read changes nothing."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._current = accounts.load(self._data_dir)
                self._seen = seen
        except (OSError, ValueError) as error:
            log.error("the accounts cannot be read, and stay as they were: %s", error)
        return self._current

    @property
    def batch(self) -> tuple[BatchAccount, ...]:
        return self.current.batch

    @property
    def storage(self) -> tuple[StorageAccount, ...]:
        return self.current.storage

    @property
    def own_storage(self) -> tuple[StorageAccount, ...]:
        return self.current.own_storage

    def find_batch(self, name: str) -> BatchAccount | None:
        return self.current.find_batch(name)

    def find_storage(self, name: str) -> StorageAccount | None:
        return self.current.find_storage(name)
