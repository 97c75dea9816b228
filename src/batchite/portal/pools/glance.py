"""A pool's nodes at a glance: a cell for each, by its state and by how full it is.

All are sent again when one changes, so a cell is short: its link is relative to the pool's page. How full it
is is one of a few classes, since pages carry no styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from batchite.batch.acting import Acting
from batchite.batch.nodes import actions
from batchite.portal import tones
from batchite.resources.nodes import Work
from batchite.resources.pools import PoolRow

MOST = 1000
"""nodes that have one, the oldest"""
LEVELS = 8
"""at which a cell is full"""


@dataclass(frozen=True, slots=True)
class Cell:
    """`look`: its classes; `to`: the node's page, from that of the pool."""

    text: str
    look: str
    to: str


@dataclass(frozen=True, slots=True)
class Glance:
    cells: Sequence[Cell]
    has_more: bool
    """nodes that have none"""


async def of(acting: Acting, pool: PoolRow, slots: int, work: Work) -> Glance:
    """`slots`: of each node; `work`: what the pool's nodes do."""
    part = await actions.brief(acting, pool, MOST)
    base = f"{quote(pool.id, safe='')}/nodes/"
    taken = work.running
    cells = [_cell(base, row.id, row.state, taken.get(row.node_no, (0, 0))[1], slots) for row in part.rows]
    return Glance(cells, part.more)


def _cell(base: str, node_id: str, state: str, taken: int, slots: int) -> Cell:
    return Cell(
        text=f"{node_id}: {tones.spoken(state)}, {taken} of {slots} {'slot' if slots == 1 else 'slots'}",
        look=f"{tones.tone(state)} f{level(taken, slots)}",
        to=base + quote(node_id, safe=""),
    )


def level(taken: int, slots: int) -> int:
    """From 0 to LEVELS; 0 only if nothing is taken, and the highest only if all is."""
    if taken <= 0:
        return 0
    if taken >= slots:
        return LEVELS
    return min(max(round(LEVELS * taken / slots), 1), LEVELS - 1)
