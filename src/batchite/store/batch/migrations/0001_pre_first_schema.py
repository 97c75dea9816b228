"""The first schema.

Revises nothing. Only ever changed by a later revision.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "core_usage",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("cores", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "due",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )
    op.create_index("due_by_time", "due", ["at"], unique=False)
    op.create_table(
        "events",
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("shard", "sequence"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_no", Number, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("pool_id", sa.Text, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("previous_state", sa.Text, nullable=True),
        sa.Column("state_time", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=True),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("max_parallel_tasks", sa.Integer, nullable=False),
        sa.Column("max_task_retries", sa.Integer, nullable=False),
        sa.Column("on_all_tasks_complete", sa.Text, nullable=False),
        sa.Column("terminate_reason", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("job_no"),
        sa.UniqueConstraint("account", "key"),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_shard", "jobs", ["shard", "job_no"], unique=False)
    op.create_table(
        "pools",
        sa.Column("pool_no", Number, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_time", sa.BigInteger, nullable=False),
        sa.Column("allocation_state", sa.Text, nullable=False),
        sa.Column("allocation_state_time", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("vm_size", sa.Text, nullable=False),
        sa.Column("node_cores", sa.Integer, nullable=False),
        sa.Column("slots_per_node", sa.Integer, nullable=False),
        sa.Column("node_fill", sa.Text, nullable=False, comment="spread or pack"),
        sa.Column("job_order", sa.Text, nullable=False, comment="none or creationtime"),
        sa.Column("inter_node", sa.Boolean, nullable=False),
        sa.Column("auto_scale", sa.Boolean, nullable=False),
        sa.Column("target_dedicated", sa.Integer, nullable=False),
        sa.Column("target_low_priority", sa.Integer, nullable=False),
        sa.Column("resize_timeout", sa.BigInteger, nullable=False),
        sa.Column(
            "resize_errors",
            sa.LargeBinary,
            nullable=True,
            comment="JSON list of ResizeError, only while steady",
        ),
        sa.PrimaryKeyConstraint("pool_no"),
        sa.UniqueConstraint("account", "key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "shards",
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("last_event", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("applied_event", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("epoch", sa.BigInteger, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("shard"),
    )
    op.create_table(
        "task_counts",
        sa.Column("job_no", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("required_slots", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("active", sa.BigInteger, nullable=False),
        sa.Column("running", sa.BigInteger, nullable=False),
        sa.Column("succeeded", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("job_no", "required_slots"),
        comment="exact, changed in the transaction that changes a task's state; leased counts as active",
    )
    op.create_table(
        "nodes",
        sa.Column("node_no", Number, autoincrement=True, nullable=False),
        sa.Column("pool_no", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("dedicated", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_time", sa.BigInteger, nullable=False),
        sa.Column("allocated", sa.BigInteger, nullable=False),
        sa.Column("booted", sa.BigInteger, nullable=True),
        sa.Column("handle", sa.Text, nullable=True, comment="the engine's"),
        sa.Column("token_hash", sa.LargeBinary, nullable=True, comment="SHA-256 of the agent's credential"),
        sa.Column("ip_address", sa.Text, server_default="127.0.0.1", nullable=False),
        sa.Column("agent_version", sa.Text, nullable=True),
        sa.Column("start_task_attempt", sa.Integer, server_default="0", nullable=False),
        sa.Column(
            "start_task_info", sa.LargeBinary, nullable=True, comment="JSON of the API's startTaskInfo"
        ),
        sa.Column("start_task_state", sa.Text, nullable=True),
        sa.Column("start_task_result", sa.Text, nullable=True),
        sa.Column("start_task_exit_code", sa.Integer, nullable=True),
        sa.Column("start_task_start", sa.BigInteger, nullable=True),
        sa.Column("start_task_end", sa.BigInteger, nullable=True),
        sa.Column("tasks_run", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("tasks_succeeded", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("errors", sa.LargeBinary, nullable=True, comment="JSON list of the API's node errors"),
        sa.PrimaryKeyConstraint("node_no"),
        sa.ForeignKeyConstraint(
            ["pool_no"],
            ["pools.pool_no"],
        ),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("nodes_by_pool", "nodes", ["pool_no", "node_no"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("task_no", Number, autoincrement=True, nullable=False),
        sa.Column("job_no", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sa.Column("required_slots", sa.Integer, nullable=False),
        sa.Column("max_retries", sa.Integer, nullable=False),
        sa.Column("intent", sa.Text, nullable=True, comment="terminate or delete: asked for, not done yet"),
        sa.Column("state", sa.Text, nullable=False, comment="active, leased, running or completed"),
        sa.Column("previous_state", sa.Text, nullable=True),
        sa.Column("state_time", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, server_default="0", nullable=False),
        sa.Column(
            "node_no", sa.BigInteger, nullable=True, comment="while leased, and from then on the last node"
        ),
        sa.Column("node_id", sa.Text, nullable=True),
        sa.Column("started", sa.BigInteger, nullable=True),
        sa.Column("ended", sa.BigInteger, nullable=True),
        sa.Column("exit_code", sa.Integer, nullable=True),
        sa.Column("result", sa.Text, nullable=True),
        sa.Column("failure", sa.LargeBinary, nullable=True, comment="JSON of the API's failureInfo"),
        sa.Column("retry_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_retry", sa.BigInteger, nullable=True),
        sa.Column("requeue_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("last_requeue", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("task_no"),
        sa.UniqueConstraint("job_no", "key"),
        sa.ForeignKeyConstraint(
            ["job_no"],
            ["jobs.job_no"],
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("tasks_by_job", "tasks", ["job_no", "task_no"], unique=False)
    op.create_index("tasks_by_state", "tasks", ["job_no", "state", "task_no"], unique=False)
    op.create_index(
        "tasks_waiting",
        "tasks",
        ["job_no", "required_slots", "task_no"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
