"""Tables of the Batch service.

Conventions
- Times are ticks (`batchite.wire.ticks`), `*_no` are surrogate keys that are never reused, `key` is an
  id in lower case (ids keep their case but are unique without regard to it). Keys sort by code points.
- `definition` is the JSON a client gave, in the newest API version with defaults filled in; `rules` is all
  that scheduling may know of it (`resources.rules`), as MessagePack. Pools and jobs that are older than the
  column have none, nor have tasks with nothing but defaults.
- An ETag is made from `modified`, so every change of what a client defined needs a later time.
- API operations write definitions and intents; state, assignment and results of tasks and nodes are
  written by the owner of the shard alone, fenced by the epoch in `shards`, where its lease `expires`.
"""

from __future__ import annotations

import sqlalchemy as sa

from batchite.resources.states import CLOSED, WAITING
from batchite.store.dialects import Key, partial_index

metadata = sa.MetaData()

Ticks = sa.BigInteger
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite only numbers INTEGER keys itself

shards = sa.Table(
    "shards",
    metadata,
    sa.Column("shard", Key, primary_key=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("expires", Ticks, nullable=False, server_default="0"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("sequence", Number, primary_key=True, autoincrement=True),
    sa.Column("shard", Key, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.BigInteger, nullable=False),
    sa.Index("events_by_shard", "shard", "sequence"),
    sqlite_autoincrement=True,
)

feed = sa.Table(
    "feed",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("shard", Key, nullable=False),
    sa.Column("at", Ticks, nullable=False),
    sa.Column("size", sa.Integer, nullable=False, comment="changes it tells of"),
    sa.Column("entries", sa.LargeBinary, comment="see resources.feed; none in the last row that was removed"),
    sqlite_autoincrement=True,
)

due = sa.Table(
    "due",
    metadata,
    sa.Column("kind", Key, primary_key=True),
    sa.Column("subject", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("shard", Key, nullable=False),
    sa.Column("at", Ticks, nullable=False),
    sa.Index("due_by_time", "at"),
)

core_usage = sa.Table(
    "core_usage",
    metadata,
    sa.Column("account", Key, primary_key=True),
    sa.Column("cores", sa.BigInteger, nullable=False),
)

pools = sa.Table(
    "pools",
    metadata,
    sa.Column("pool_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("key", Key, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("shard", Key, nullable=False),
    sa.Column("definition", sa.LargeBinary, nullable=False),
    sa.Column("rules", sa.LargeBinary),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("state_time", Ticks, nullable=False),
    sa.Column("allocation_state", sa.Text, nullable=False),
    sa.Column("allocation_state_time", Ticks, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("vm_size", sa.Text, nullable=False),
    sa.Column("node_cores", sa.Integer, nullable=False),
    sa.Column("inter_node", sa.Boolean, nullable=False),
    sa.Column("auto_scale", sa.Boolean, nullable=False),
    sa.Column("target_dedicated", sa.Integer, nullable=False),
    sa.Column("target_low_priority", sa.Integer, nullable=False),
    sa.Column("resize_timeout", Ticks, nullable=False),
    sa.Column("resize_errors", sa.LargeBinary, comment="JSON list of ResizeError, only while steady"),
    sa.UniqueConstraint("account", "key"),
    sa.Index("pools_by_shard", "shard"),
    sqlite_autoincrement=True,
)

nodes = sa.Table(
    "nodes",
    metadata,
    sa.Column("node_no", Number, primary_key=True, autoincrement=True),
    sa.Column("pool_no", sa.BigInteger, sa.ForeignKey("pools.pool_no"), nullable=False),
    sa.Column("id", Key, nullable=False, unique=True),
    sa.Column("dedicated", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("state_time", Ticks, nullable=False),
    sa.Column("allocated", Ticks, nullable=False),
    sa.Column("booted", Ticks),
    sa.Column("boot_requested", Ticks),  # the last boot: when the node was to be started
    sa.Column("boot_begun", Ticks),  # when the engine had taken it
    sa.Column("boot_heard", Ticks),  # when its agent first spoke
    sa.Column("boot_ready", Ticks),  # when it first took tasks
    sa.Column("engine", sa.Text),  # the name of the one that was asked for it
    sa.Column("handle", sa.Text, comment="the engine's"),
    sa.Column("token_hash", sa.LargeBinary, comment="SHA-256 of the agent's credential"),
    sa.Column("ip_address", sa.Text, nullable=False, server_default="127.0.0.1"),
    sa.Column("agent_version", sa.Text),
    sa.Column("tier", sa.Text),  # as its agent says, and so the next one
    sa.Column("image", sa.Text),
    sa.Column("start_task_attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("start_task_info", sa.LargeBinary, comment="JSON of the API's startTaskInfo"),
    sa.Column("start_task_state", sa.Text),
    sa.Column("start_task_result", sa.Text),
    sa.Column("start_task_exit_code", sa.Integer),
    sa.Column("start_task_start", Ticks),
    sa.Column("start_task_end", Ticks),
    sa.Column("tasks_run", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("tasks_succeeded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("errors", sa.LargeBinary, comment="JSON list of the API's node errors"),
    sa.Index("nodes_by_pool", "pool_no", "node_no"),
    sqlite_autoincrement=True,
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("key", Key, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("shard", Key, nullable=False),
    sa.Column("pool_id", Key, nullable=False),
    sa.Column("definition", sa.LargeBinary, nullable=False),
    sa.Column("rules", sa.LargeBinary),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("previous_state", sa.Text),
    sa.Column("previous_state_time", Ticks),
    sa.Column("state_time", Ticks, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("started", Ticks, nullable=False),
    sa.Column("ended", Ticks),
    sa.Column("terminate_reason", sa.Text),
    sa.UniqueConstraint("account", "key"),
    sa.Index("jobs_by_shard", "shard", "job_no"),
    partial_index("jobs_open", "shard", "job_no", where=f"state != '{CLOSED}'"),
    sqlite_autoincrement=True,
)

OPEN_JOB = jobs.c.state != sa.literal_column(f"'{CLOSED}'")
"""A job that is not over; spelled as in the partial index, which is used only so."""

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("task_no", Number, primary_key=True, autoincrement=True),
    sa.Column("job_no", sa.BigInteger, sa.ForeignKey("jobs.job_no"), nullable=False),
    sa.Column("key", Key, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("definition", sa.LargeBinary, nullable=False),
    sa.Column("rules", sa.LargeBinary),
    sa.Column("required_slots", sa.Integer, nullable=False),
    sa.Column("intent", sa.Text, comment="terminate or delete: asked for, not done yet"),
    sa.Column("state", sa.Text, nullable=False, comment="active, leased, running or completed"),
    sa.Column("previous_state", sa.Text),
    sa.Column("previous_state_time", Ticks),
    sa.Column("state_time", Ticks, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("node_no", sa.BigInteger, comment="while leased, and from then on the last node"),
    sa.Column("node_id", sa.Text),
    sa.Column("started", Ticks),
    sa.Column("ended", Ticks),
    sa.Column("exit_code", sa.Integer),
    sa.Column("result", sa.Text),
    sa.Column("failure", sa.LargeBinary, comment="JSON of the API's failureInfo"),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_retry", Ticks),
    sa.Column("requeue_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_requeue", Ticks),
    sa.Column("cause", Key, comment="of its failure; see failure_causes"),
    sa.Column("assigned", Ticks),  # when the node was given it in this attempt
    sa.Column("staged", Ticks),  # when its resource files were there, if it has some
    sa.UniqueConstraint("job_no", "key"),
    sa.Index("tasks_by_state", "job_no", "state", "task_no"),
    partial_index(
        "tasks_waiting",
        "job_no",
        "required_slots",
        "task_no",
        where=f"state = '{WAITING}'",
    ),
    partial_index("tasks_intended", "job_no", where="intent IS NOT NULL"),
    sa.Index("tasks_by_job", "job_no", "task_no"),
    partial_index("tasks_by_node", "node_no", "state_time", where="started IS NOT NULL"),
    partial_index("tasks_failed", "job_no", "task_no", where="cause IS NOT NULL"),
    partial_index("tasks_by_cause", "job_no", "cause", "task_no", where="cause IS NOT NULL"),
    sqlite_autoincrement=True,
)

WAITING_TASK = tasks.c.state == sa.literal_column(f"'{WAITING}'")
"""A task that waits for a node; spelled as in the partial index, which is used only so."""

task_counts = sa.Table(
    "task_counts",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("required_slots", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("active", sa.BigInteger, nullable=False),
    sa.Column("running", sa.BigInteger, nullable=False),
    sa.Column("succeeded", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    comment="exact, changed in the transaction that changes a task's state; leased counts as active",
)

failure_causes = sa.Table(
    "failure_causes",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("cause", Key, primary_key=True),
    sa.Column("category", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("exit_code", sa.Integer),
    sa.Column("line", sa.Text, nullable=False, comment="of the first task of this cause"),
    sa.Column("tasks", sa.BigInteger, nullable=False),
    sa.Column("latest", Ticks, nullable=False, comment="when the last of them ended"),
    comment="failed tasks by their causes (resources.causes), as exact as task_counts",
)
