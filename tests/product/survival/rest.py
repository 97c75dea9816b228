"""What must not be in the database of services that have stopped when everything is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "job": (
        "tasks",
        "task_counts",
        "job_nodes",
        "failure_causes",
        "satisfied_numbers",
        "satisfied_ids",
        "awaited_ranges",
        "releases",
    ),
    "pool": ("nodes", "autoscaling", "samples", "evaluations", "pool_usage"),
    "node": ("inbound", "logins"),
}
"""Tables with rows of jobs, pools and nodes."""


def _orphans(table: str, of: str) -> str:
    return f"SELECT * FROM {table} WHERE {of}_no NOT IN (SELECT {of}_no FROM {of}s)"  # noqa: S608 - of ours


COUNTED: Final = """
    SELECT job_no, required_slots,
        sum(state IN ('active', 'leased', 'blocked')) AS active,
        sum(state IN ('running', 'preparing')) AS running,
        sum(result IS 'success') AS succeeded,
        sum(result IS 'failure') AS failed,
        sum(state = 'blocked') AS blocked
    FROM tasks GROUP BY job_no, required_slots
"""
TOLD: Final = """
    SELECT job_no, required_slots, active, running, succeeded, failed, blocked FROM task_counts
    WHERE active + running + succeeded + failed > 0
"""

NEVER: Final[Mapping[str, str]] = {
    "a task that nobody would look at again": """
        SELECT id, state, intent FROM tasks
        WHERE intent IS NOT NULL OR state NOT IN ('active', 'blocked', 'completed')""",
    "a job that has not ended": "SELECT id, state, tasks_option FROM jobs WHERE state <> 'completed'",
    "a job of another shard than its pool's": """
        SELECT id, shard, pool_id FROM jobs WHERE shard <> account || '/' || lower(pool_id)""",
    "a preparation or release that is to come": """
        SELECT job_no, node_id FROM job_nodes WHERE standing <> 'over' OR release = 'wanted'""",
    "a node that is to do something": """
        SELECT id, state, vacating, interrupted FROM nodes
        WHERE vacating IS NOT NULL OR interrupted IS NOT NULL OR disabled""",
    "a pool that is not steady": """
        SELECT id, state, allocation_state FROM pools
        WHERE state <> 'active' OR allocation_state <> 'steady'""",
    "a pool with another number of nodes than it is to have": """
        SELECT pools.id, target_dedicated, count(node_no) FROM pools LEFT JOIN nodes USING (pool_no)
        GROUP BY pool_no HAVING count(node_no) <> target_dedicated""",
    "an event that nobody has read": "SELECT * FROM events",
    "a time for a job that is over": """
        SELECT * FROM due WHERE kind IN ('job-wall-clock', 'empty-job', 'task-retry', 'preparation-retry')""",
    "a time for a node that is gone": """
        SELECT * FROM due WHERE kind IN ('boot-retry', 'start-task-retry')
        AND subject NOT IN (SELECT node_no FROM nodes)""",
    "a task counted in another state": f"{COUNTED} EXCEPT {TOLD}",
    "a count of tasks that are not there": f"{TOLD} EXCEPT {COUNTED}",
    "a failed task not counted by its cause": """
        SELECT job_no, cause, count(*) FROM tasks WHERE result = 'failure' GROUP BY job_no, cause
        EXCEPT SELECT job_no, cause, tasks FROM failure_causes""",
    "a cause without its failed tasks": """
        SELECT job_no, cause, tasks FROM failure_causes
        EXCEPT SELECT job_no, cause, count(*) FROM tasks WHERE result = 'failure' GROUP BY job_no, cause""",
    "a span of a node that is gone": """
        SELECT * FROM node_spans WHERE ended IS NULL AND node_no NOT IN (SELECT node_no FROM nodes)""",
    "another number of cores in use than nodes have": """
        SELECT account, cores FROM core_usage
        EXCEPT SELECT account, sum(node_cores) FROM nodes JOIN pools USING (pool_no) GROUP BY account""",
    **{
        f"something in {table} of a {of} that is gone": _orphans(table, of)
        for of, tables in _OF.items()
        for table in tables
    },
}
"""What it would be, and how it is looked for."""


def check_rest(data_dir: Path) -> None:
    """Nothing is under way, counted wrongly, or left of what is gone; so are directories of nodes."""
    with closing(sqlite3.connect(data_dir / "batch.db")) as connection:
        found = {what: connection.execute(query).fetchall() for what, query in NEVER.items()}
        nodes = {node for (node,) in connection.execute("SELECT id FROM nodes")}
    left = {what: rows for what, rows in found.items() if rows}
    assert left == {}, left
    strangers = {path.name for path in (data_dir / "nodes").iterdir()} - nodes
    assert not strangers, strangers
