"""First: an empty directory, and `wd` in it."""

from __future__ import annotations

from batchite.nodes import failures
from batchite.nodes.failures import RunError
from batchite.nodes.places import Place
from batchite.nodes.runs.phases.base import Over
from batchite.nodes.sandbox.base import Sandbox


class Directories:
    __slots__ = ("_place", "_sandbox")

    def __init__(self, sandbox: Sandbox, place: Place) -> None:
        self._sandbox = sandbox
        self._place = place

    def begin(self, over: Over) -> bool:
        try:
            self._sandbox.prepare(self._place.directory.names, self._place.user)
        except OSError as error:
            failure = failures.of_system(error, "ResourceDirectoryCreateFailed", "making the directories")
            raise RunError(failure) from None
        return True

    def cancel(self, seconds: float) -> None:
        """It takes no time."""
