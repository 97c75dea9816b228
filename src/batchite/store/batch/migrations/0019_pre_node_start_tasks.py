"""The start task that a node has run since it booted, which its pool may have changed since. So far no pool
could."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

Pool = sa.Row[tuple[int, bytes, bytes | None]]


def upgrade() -> None:
    op.add_column("nodes", sa.Column("start_task", sa.LargeBinary))
    connection = op.get_bind()
    pools = sa.table(
        "pools",
        sa.column("pool_no", sa.BigInteger),
        sa.column("definition", sa.LargeBinary),
        sa.column("rules", sa.LargeBinary),
    )
    nodes = sa.table(
        "nodes",
        sa.column("pool_no", sa.BigInteger),
        sa.column("booted", sa.BigInteger),
        sa.column("start_task", sa.LargeBinary),
    )
    for number, definition, rules in connection.execute(sa.select(pools)).all():
        start_task = _start_task(definition, rules)
        if start_task is not None:
            booted = sa.and_(nodes.c.pool_no == number, nodes.c.booted.is_not(None))
            values = {"start_task": msgspec.msgpack.encode(start_task)}
            connection.execute(sa.update(nodes).where(booted).values(values))


def _start_task(definition: bytes, rules: bytes | None) -> dict[str, Any] | None:
    """Pools that are older than their rules have none."""
    if rules is not None:
        known: dict[str, Any] | None = msgspec.msgpack.decode(rules).get("start_task")
        return known
    defined = msgspec.json.decode(definition).get("startTask")
    if defined is None:
        return None
    return {
        "definition": msgspec.json.encode(defined),
        "wait_for_success": defined.get("waitForSuccess") is not False,
        "max_retries": defined.get("maxTaskRetryCount") or 0,
    }
