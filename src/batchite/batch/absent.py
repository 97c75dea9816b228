"""Operations of the protocol that this service does not have yet: refused by name, and printed in the docs.

A 404 would be worse than useless: clients take it for the absence of the pool or job they named.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from batchite.batch.call import Call
from batchite.batch.operations import Operation, operation
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.requests import REQUESTS

PAGE = "/-/supported"
"""Where the service tells what it has."""


async def _refuse(_call: Call) -> NoReturn:
    raise AssertionError("an absent operation is refused before it is called")


def besides(there: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations of the protocol that are not among these."""
    names = {entry.name for entry in there}
    return tuple(operation(name, _refuse) for name in REQUESTS if name not in names)


def is_absent(entry: Operation) -> bool:
    return entry.run is _refuse


def check(entry: Operation, base_url: str) -> None:
    """Raises BatchError NotImplemented for an operation that is not there."""
    if is_absent(entry):
        detail = f"{entry.name} is not supported by this service yet; {base_url}{PAGE} lists what is."
        raise BatchError("NotImplemented", detail, (("Operation", entry.name),))
