"""What a formula is for: how many nodes a pool is to have, and what becomes of tasks where it has fewer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from batchite.scheduling.autoscale.errors import UnfitError
from batchite.scheduling.autoscale.values import Value, as_double, type_of
from batchite.scheduling.autoscale.variables import (
    DEALLOCATION,
    DEALLOCATIONS,
    TARGET_DEDICATED,
    Deallocation,
)

_MOST_NODES: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Targets:
    dedicated: int
    low_priority: int
    deallocation: Deallocation = "requeue"

    @property
    def kept(self) -> Targets:
        """As many nodes, and the default of the option, which is not kept from one evaluation to the next."""
        return replace(self, deallocation="requeue")

    def read(self, name: str) -> Value:
        """By the name of the variable."""
        if name == DEALLOCATION:
            return self.deallocation
        return float(self.dedicated if name == TARGET_DEDICATED else self.low_priority)

    def assigned(self, name: str, value: Value) -> Targets:
        """With one of them changed. Raises UnfitError."""
        if name == DEALLOCATION:
            return replace(self, deallocation=_deallocation(value))
        if name == TARGET_DEDICATED:
            return replace(self, dedicated=_nodes(name, value))
        return replace(self, low_priority=_nodes(name, value))


def _nodes(name: str, value: Value) -> int:
    """Fractions are cut, and no pool has fewer nodes than none."""
    count = math.trunc(as_double(value, name))
    if count > _MOST_NODES:
        raise UnfitError(f"{name} is to be {count:,}, and a pool has at most {_MOST_NODES:,} nodes")
    return max(count, 0)


def _deallocation(value: Value) -> Deallocation:
    option = value.lower() if isinstance(value, str) else ""
    for known in DEALLOCATIONS:
        if option == known:
            return known
    given = value if isinstance(value, str) else f"a {type_of(value)}"
    raise UnfitError(f"{DEALLOCATION} is one of {', '.join(DEALLOCATIONS)}, and this is {given}")
