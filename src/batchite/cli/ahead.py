"""Service processes that are started before it is known with what.

Nearly all the time of a start goes into what the services import, whatever the arguments say. So this comes
before the arguments are read, and before anything is imported for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchite.supervisor.child import Child

if TYPE_CHECKING:
    from batchite.configuration.endpoints import Service

SERVICES: Sequence[Service] = ("batch", "blob")


class Ahead:
    """The processes for `batchite serve` with `arguments`; none if there are no arguments to guess from.

    It is a guess: the services that are mentioned, or else both. What is wrong with it, `take` puts right.
    """

    def __init__(self, arguments: Sequence[str] | None) -> None:
        self._arguments = arguments or ()
        mentioned = [service for service in SERVICES if service in self._arguments] or SERVICES
        self._children = {} if arguments is None else {service: self._child(service) for service in mentioned}

    def take(self, services: Sequence[Service]) -> list[Child]:
        """Those of `services`. The others are ended."""
        for unwanted in self._children.keys() - set(services):
            self._children.pop(unwanted).kill()
        for service in services:
            if service not in self._children:
                self._children[service] = self._child(service)
        return [self._children[service] for service in services]

    def end(self) -> None:
        """By force, whatever still runs."""
        for child in self._children.values():
            child.kill()

    def _child(self, service: Service) -> Child:
        return Child(service, self._arguments)
