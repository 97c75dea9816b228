"""Rows as databases of the past have them: with the columns that went, without those that came."""

from __future__ import annotations

import sqlalchemy as sa

POOL = {
    "account": "a",
    "key": "p",
    "id": "p",
    "shard": "a/p",
    "definition": b"{}",
    "state": "active",
    "state_time": 10,
    "allocation_state": "steady",
    "allocation_state_time": 10,
    "created": 10,
    "modified": 10,
    "vm_size": "standard_d2s_v3",
    "node_cores": 2,
    "slots_per_node": 1,
    "node_fill": "spread",
    "job_order": "none",
    "inter_node": False,
    "auto_scale": False,
    "target_dedicated": 0,
    "target_low_priority": 0,
    "resize_timeout": 9_000_000_000,
}
JOB = {
    "account": "a",
    "key": "j",
    "id": "j",
    "shard": "a/p",
    "pool_id": "p",
    "definition": b"{}",
    "state": "active",
    "state_time": 10,
    "created": 10,
    "modified": 10,
    "started": 10,
    "priority": 0,
    "max_parallel_tasks": -1,
    "max_task_retries": 0,
    "on_all_tasks_complete": "noaction",
}
TASK = {
    "job_no": 1,
    "key": "t",
    "id": "t",
    "definition": b"{}",
    "required_slots": 1,
    "max_retries": 0,
    "state": "active",
    "state_time": 20,
    "created": 20,
    "modified": 20,
}


def insert(connection: sa.Connection, table: sa.Table, row: dict[str, object]) -> None:
    connection.execute(sa.insert(sa.table(table.name, *(sa.column(name) for name in row))), row)


def present(table: sa.Table, row: dict[str, object]) -> dict[str, object]:
    """The row, for a database of the present."""
    return {name: value for name, value in row.items() if name in table.c}
