"""Failed tasks are counted by their causes, job by job.

What earlier ones printed last is not known here, so theirs is told by the code of the failure alone.
"""

import hashlib
import json
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

MOST = 200
AT_ONCE = 1000
Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

tasks = sa.table(
    "tasks",
    sa.column("task_no"),
    sa.column("job_no"),
    sa.column("cause"),
    sa.column("result"),
    sa.column("exit_code"),
    sa.column("ended"),
    sa.column("failure", sa.LargeBinary),
)


def upgrade() -> None:
    op.add_column("tasks", sa.Column("cause", Key, comment="of its failure; see failure_causes"))
    table = op.create_table(
        "failure_causes",
        sa.Column("job_no", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("cause", Key, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("code", sa.Text),
        sa.Column("exit_code", sa.Integer),
        sa.Column("line", sa.Text, nullable=False, comment="of the first task of this cause"),
        sa.Column("tasks", sa.BigInteger, nullable=False),
        sa.Column("latest", sa.BigInteger, nullable=False, comment="when the last of them ended"),
        sa.PrimaryKeyConstraint("job_no", "cause"),
        comment="failed tasks by their causes (resources.causes), as exact as task_counts",
    )
    _count(op.get_bind(), table)
    for name, columns in (
        ("tasks_failed", ["job_no", "task_no"]),
        ("tasks_by_cause", ["job_no", "cause", "task_no"]),
    ):
        op.create_index(
            name,
            "tasks",
            columns,
            unique=False,
            sqlite_where=sa.text("cause IS NOT NULL"),
            postgresql_where=sa.text("cause IS NOT NULL"),
        )


def _count(connection: sa.Connection, table: sa.Table) -> None:
    found: dict[tuple[int, str], dict[str, Any]] = {}
    different: Counter[int] = Counter()
    after = 0
    while rows := _some(connection, after):
        after = rows[-1].task_no
        named = []
        for row in rows:
            cause, columns = _cause(row)
            if (row.job_no, cause) not in found and different[row.job_no] >= MOST:
                cause, columns = "other", {"category": None, "code": None, "exit_code": None}
            if (row.job_no, cause) not in found:
                different[row.job_no] += 1
                fresh = {"job_no": row.job_no, "cause": cause, "line": "", "tasks": 0, "latest": 0}
                found[row.job_no, cause] = fresh | columns
            counted = found[row.job_no, cause]
            counted["tasks"] += 1
            counted["latest"] = max(counted["latest"], row.ended or 0)
            named.append({"number": row.task_no, "named": cause})
        update = sa.update(tasks).where(tasks.c.task_no == sa.bindparam("number"))
        connection.execute(update.values(cause=sa.bindparam("named")), named)
    if found:
        connection.execute(sa.insert(table), list(found.values()))


def _some(connection: sa.Connection, after: int) -> list[Any]:
    query = sa.select(tasks).where(tasks.c.task_no > after, tasks.c.result == "failure")
    return list(connection.execute(query.order_by(tasks.c.task_no).limit(AT_ONCE)))


def _cause(row: Any) -> tuple[str, dict[str, Any]]:
    failure = json.loads(bytes(row.failure)) if row.failure else {}
    category, code = failure.get("category", "usererror"), failure.get("code", "FailureExitCode")
    parts = "\n".join(map(str, (category, code, row.exit_code, "")))
    cause = hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()
    return cause, {"category": category, "code": code, "exit_code": row.exit_code}
