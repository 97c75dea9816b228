"""Tables of the Batch service.

Conventions
- Times are ticks (`batchite.wire.ticks`), `*_no` are surrogate keys that are never reused, `key` is an
  id in lower case (ids keep their case but are unique without regard to it). Keys sort by code points.
- `definition` is the JSON a client gave, in the newest API version with defaults filled in; `rules` is all
  that scheduling may know of it (`resources.rules`), as MessagePack. Pools and jobs that are older than the
  column have none, nor have tasks with nothing but defaults.
- An ETag is made from `modified`, so every change of what a client defined needs a later time. Who modifies a
  pool also appends an event: its owner adds no nodes until it knows the pool as it is.
- API operations write definitions and intents; state, assignment and results of tasks and nodes are
  written by the owner of the shard alone, fenced by the epoch in `shards`, where its lease `expires`.
- A task that is completed has a result and the time `ended`, which is its `state_time`; any other has none of
  these and no exit code. One that succeeded has exit code 0. `store.batch.ways` goes by that.
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
    sa.Column("resize_option", sa.Text),  # what becomes of tasks of nodes that leave by the last resize
    sa.Column("kept_dedicated", sa.Integer),  # what it has and keeps, where the last resize ended otherwise
    sa.Column("kept_low_priority", sa.Integer),
    sa.Column("resize_errors", sa.LargeBinary, comment="JSON list of ResizeError, only while steady"),
    sa.Column("job_no", sa.BigInteger),  # of an auto pool: the job that it was made for
    sa.Column("keep_alive", sa.Boolean),  # of an auto pool: it stays when that job is over, or that schedule
    sa.Column("schedule_no", sa.BigInteger),  # of an auto pool: the job schedule whose jobs share it
    sa.UniqueConstraint("account", "key"),
    sa.Index("pools_by_shard", "shard"),
    partial_index("pools_of_schedules", "schedule_no", where="schedule_no IS NOT NULL"),
    sqlite_autoincrement=True,
)

autoscaling = sa.Table(
    "autoscaling",
    metadata,
    sa.Column("pool_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("formula", sa.Text, nullable=False),
    sa.Column("interval_ticks", Ticks, nullable=False),
    sa.Column("enabled", Ticks, nullable=False, comment="when that was last asked for"),
    sa.Column("evaluate_at", Ticks, nullable=False, comment="when the formula is evaluated next"),
    sa.Column("sample_at", Ticks, nullable=False, comment="when the next sample is taken"),
    sa.Column("run", sa.LargeBinary, comment="JSON of the API's autoScaleRun"),
    comment="of pools whose autoscale is, or has been, on; whether it is says `auto_scale`",
)

samples = sa.Table(
    "samples",
    metadata,
    sa.Column("pool_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Ticks, primary_key=True, autoincrement=False),
    sa.Column("measured", sa.LargeBinary, nullable=False, comment="see scheduling.autoscale.samples"),
    comment="what autoscale formulas look back at; none of pools whose autoscale is off",
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    sa.Column("evaluation_no", Number, primary_key=True, autoincrement=True),
    sa.Column("pool_no", sa.BigInteger, nullable=False),
    sa.Column("entry", sa.LargeBinary, nullable=False, comment="JSON, see resources.evaluations"),
    sa.Index("evaluations_by_pool", "pool_no", "evaluation_no"),
    comment="the last ones of every pool",
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
    sa.Column("start_task", sa.LargeBinary),  # rules of the one that it runs since it booted
    sa.Column("start_task_attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("start_task_info", sa.LargeBinary, comment="JSON of the API's startTaskInfo"),
    sa.Column("start_task_state", sa.Text),
    sa.Column("start_task_result", sa.Text),
    sa.Column("start_task_exit_code", sa.Integer),
    sa.Column("start_task_start", Ticks),
    sa.Column("start_task_end", Ticks),
    sa.Column("tasks_run", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("tasks_succeeded", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cpu_time", Ticks, nullable=False, server_default="0"),  # that its tasks took, as what follows
    sa.Column("blocks_read", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("blocks_written", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("peak_memory", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("errors", sa.LargeBinary, comment="JSON list of the API's node errors"),
    sa.Column("vacating", sa.Text),  # what the node takes no more tasks for; see resources.vacating
    sa.Column("vacating_option", sa.Text),
    sa.Column("interrupted", sa.Text),  # the same, of before it was to leave, in case it stays after all
    sa.Column("interrupted_option", sa.Text),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),  # it is to take no tasks
    sa.Column("boot_failures", sa.Integer, nullable=False, server_default="0"),  # one after the other
    sa.Index("nodes_by_pool", "pool_no", "node_no"),
    partial_index("nodes_vacating", "pool_no", where="vacating IS NOT NULL"),
    sqlite_autoincrement=True,
)

node_spans = sa.Table(
    "node_spans",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("pool_no", sa.BigInteger, nullable=False),
    sa.Column("pool_key", Key, nullable=False),
    sa.Column("pool_id", sa.Text, nullable=False),
    sa.Column("vm_size", sa.Text, nullable=False),
    sa.Column("node_no", sa.BigInteger, nullable=False),
    sa.Column("dedicated", sa.Boolean, nullable=False),
    sa.Column("cores", sa.Integer, nullable=False),
    sa.Column("began", Ticks, nullable=False),
    sa.Column("ended", Ticks),
    partial_index("node_spans_open", "node_no", where="ended IS NULL", unique=True),
    sa.Index("node_spans_by_end", "ended"),
    comment="when nodes were there to run something; kept for some time after they are gone",
    sqlite_autoincrement=True,
)


def _pool_sums() -> list[sa.Column[int]]:
    """Core time, and what tasks took; see `resources.pool_usage`."""
    names = (
        "dedicated_time",
        "low_priority_time",
        "cpu_time",
        "blocks_read",
        "blocks_written",
        "peak_memory",
    )
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


pool_usage = sa.Table(
    "pool_usage",
    metadata,
    sa.Column("pool_no", sa.BigInteger, primary_key=True, autoincrement=False),
    *_pool_sums(),
    comment="what nodes of the pool that are gone used",
)

past_pools = sa.Table(
    "past_pools",
    metadata,
    sa.Column("account", Key, primary_key=True),
    sa.Column("since", Ticks, nullable=False),  # when the first of them was added
    *_pool_sums(),
    comment="what pools that are gone used",
)

inbound = sa.Table(
    "inbound",
    metadata,
    sa.Column("port", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("node_no", sa.BigInteger, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Index("inbound_by_node", "node_no"),
)
"""Ports of this machine that are reserved for nodes, by the rule that gives them one."""

logins = sa.Table(
    "logins",
    metadata,
    sa.Column("node_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", Key, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("is_admin", sa.Boolean, nullable=False),
    sa.Column("expires", Ticks, nullable=False),
    sa.Column("password", sa.Text, comment="its hash, as /etc/shadow has it"),
    sa.Column("ssh_public_key", sa.Text),
    sa.Column("modified", Ticks, nullable=False),
    comment="users of nodes, by whom people log in",
)

applications = sa.Table(
    "applications",
    metadata,
    sa.Column("application_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("key", Key, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text),
    sa.Column("allow_updates", sa.Boolean, nullable=False),
    sa.Column("default_key", Key, comment="of the version that is meant where none is named"),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.UniqueConstraint("account", "key"),
    sqlite_autoincrement=True,
)

certificates = sa.Table(
    "certificates",
    metadata,
    sa.Column("certificate_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("thumbprint", Key, nullable=False, comment="SHA-1, in lower case"),
    sa.Column("public_data", sa.LargeBinary, comment="none of a PFX, which is not looked into"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("state_time", Ticks, nullable=False),
    sa.Column("previous_state", sa.Text),
    sa.Column("previous_state_time", Ticks),
    sa.Column("error", sa.LargeBinary, comment="JSON of the API's deleteCertificateError"),
    sa.UniqueConstraint("account", "thumbprint"),
    comment="what versions up to 2024-07-01.20.0 know; private keys and passwords are never kept",
    sqlite_autoincrement=True,
)

packages = sa.Table(
    "packages",
    metadata,
    sa.Column("application_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", Key, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("digest", Key, nullable=False, comment="SHA-256 of its content, which is a file of this name"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("unpacked", sa.BigInteger, nullable=False),
    sa.Column("files", sa.BigInteger, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Index("packages_by_digest", "digest"),
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
    sa.Column("scheduling_error", sa.LargeBinary),  # JSON of the API's schedulingError
    sa.Column("tasks_option", sa.Text),  # what becomes of its tasks on nodes; see resources.job_options
    sa.Column("schedule_no", sa.BigInteger),  # of the job schedule that has made it
    sa.UniqueConstraint("account", "key"),
    sa.Index("jobs_by_shard", "shard", "job_no"),
    partial_index("jobs_open", "shard", "job_no", where=f"state != '{CLOSED}'"),
    partial_index("jobs_of_schedules", "schedule_no", "job_no", where="schedule_no IS NOT NULL"),
    partial_index(
        "jobs_open_of_schedules",
        "schedule_no",
        where=f"schedule_no IS NOT NULL AND state != '{CLOSED}'",
    ),
    sqlite_autoincrement=True,
)

OPEN_JOB = jobs.c.state != sa.literal_column(f"'{CLOSED}'")
"""A job that is not over; spelled as in the partial index, which is used only so."""

job_schedules = sa.Table(
    "job_schedules",
    metadata,
    sa.Column("schedule_no", Number, primary_key=True, autoincrement=True),
    sa.Column("account", Key, nullable=False),
    sa.Column("key", Key, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("shard", Key, nullable=False, comment="the account's"),
    sa.Column("definition", sa.LargeBinary, nullable=False),
    sa.Column("rules", sa.LargeBinary, nullable=False),
    sa.Column("do_not_run_until", Ticks),
    sa.Column("do_not_run_after", Ticks),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("previous_state", sa.Text),
    sa.Column("previous_state_time", Ticks),
    sa.Column("state_time", Ticks, nullable=False),
    sa.Column("created", Ticks, nullable=False),
    sa.Column("modified", Ticks, nullable=False),
    sa.Column("ended", Ticks),
    sa.Column("next_run", Ticks, comment="when the next job is to be made, or was: it waits"),
    sa.Column("last_run", Ticks, comment="for when the last one was made"),
    sa.Column("jobs_made", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("forced", sa.Boolean, nullable=False, server_default=sa.false()),  # its end waits for no node
    sa.Column("pool_id", Key, comment="of the auto pool that its next job shares with the last one"),
    sa.UniqueConstraint("account", "key"),
    sa.Index("job_schedules_by_shard", "shard", "schedule_no"),
    sqlite_autoincrement=True,
)

OPEN_JOB_OF_SCHEDULE = sa.and_(jobs.c.schedule_no.is_not(None), OPEN_JOB)
"""A job of a schedule that is not over; spelled as in the partial index."""

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
    sa.Column("rank", sa.Integer, nullable=False, server_default="0"),  # see resources.ranks
    sa.Column("intent", sa.Text, comment="terminate or delete: asked for, not done yet"),
    # or blocked, or preparing; see resources.states
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
    sa.Column(
        "files_until", Ticks
    ),  # how long its node keeps its files once it is over, if it has them still
    sa.Column("wall_time", Ticks),  # of its runs that are over, and of these also what follows
    sa.Column("user_time", Ticks),
    sa.Column("kernel_time", Ticks),
    sa.Column("blocks_read", sa.BigInteger),  # of outcome.BLOCK bytes
    sa.Column("blocks_written", sa.BigInteger),
    sa.Column(
        "awaits", Key
    ),  # while blocked: the one thing that it waits for now; see resources.dependencies
    sa.Column("dependencies", sa.LargeBinary),  # all that it depends on, in MessagePack, if that is several
    sa.Column("satisfied", sa.Boolean),  # once it was completed so that tasks that depend on it may go on
    sa.UniqueConstraint("job_no", "key"),
    sa.Index("tasks_by_state", "job_no", "state", "task_no"),
    partial_index(
        "tasks_waiting",
        "job_no",
        "required_slots",
        "rank",
        "task_no",
        where=f"state = '{WAITING}'",
    ),
    partial_index("tasks_intended", "job_no", where="intent IS NOT NULL"),
    sa.Index("tasks_by_job", "job_no", "task_no"),
    partial_index("tasks_by_node", "node_no", "state_time", where="started IS NOT NULL"),
    partial_index("tasks_with_files", "node_no", "files_until", where="files_until IS NOT NULL"),
    sa.Index("tasks_by_creation", "job_no", "state", "created"),
    sa.Index("tasks_by_moment", "job_no", "state", "result", "state_time"),
    partial_index("tasks_by_start", "job_no", "started", where="started IS NOT NULL"),
    partial_index("tasks_modified", "job_no", "modified", where="modified <> created"),
    partial_index("tasks_by_result", "job_no", "result", "task_no", where="ended IS NOT NULL"),
    partial_index("tasks_retried", "job_no", "task_no", where="retry_count > 0"),
    partial_index("tasks_failed_by_code", "job_no", "exit_code", "task_no", where="result = 'failure'"),
    partial_index(
        "tasks_failed_by_code_and_time", "job_no", "exit_code", "state_time", where="result = 'failure'"
    ),
    partial_index("tasks_by_cause", "job_no", "cause", "task_no", where="cause IS NOT NULL"),
    partial_index("tasks_blocked", "job_no", "awaits", "task_no", where="awaits IS NOT NULL"),
    sqlite_autoincrement=True,
)

ORDER = (tasks.c.rank, tasks.c.task_no)
"""In which tasks of a job go that wait for a node, lane by lane; as the partial index has them."""
WAITING_TASK = tasks.c.state == sa.literal_column(f"'{WAITING}'")
"""A task that waits for a node; spelled as in the partial index, which is used only so."""
COMPLETED_TASK = tasks.c.ended.is_not(None)
FAILED_TASK = tasks.c.result == sa.literal_column("'failure'")
RETRIED_TASK = tasks.c.retry_count > sa.literal_column("0")
STARTED_TASK = tasks.c.started.is_not(None)
MODIFIED_TASK = tasks.c.modified != tasks.c.created
"""These are spelled as in partial indexes, too."""

job_nodes = sa.Table(
    "job_nodes",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("job_no", sa.BigInteger, nullable=False),
    sa.Column("node_no", sa.BigInteger, nullable=False),
    sa.Column("node_id", Key, nullable=False),
    sa.Column("pool_id", Key, nullable=False),
    sa.Column("standing", sa.Text, nullable=False),  # see scheduling.state, or over: nothing more is to come
    sa.Column("reruns", sa.Boolean, nullable=False),  # once its node has booted
    sa.Column("has_completed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("has_run", sa.Boolean, nullable=False, server_default=sa.false()),  # a task of the job
    sa.Column("release", sa.Text),  # wanted or over, once it has been due
    *(
        sa.Column(f"{task}_{name}", type_, nullable=default is None, server_default=default)
        for task in ("preparation", "release")
        for name, type_, default in (
            ("attempt", sa.Integer(), "0"),
            ("state", sa.Text(), None),
            ("start", Ticks(), None),
            ("end", Ticks(), None),
            ("exit_code", sa.Integer(), None),
            ("result", sa.Text(), None),
            ("failure", sa.LargeBinary(), None),  # JSON of the API's failureInfo
        )
    ),
    sa.Column("preparation_retries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("preparation_last_retry", Ticks),
    sa.UniqueConstraint("job_no", "node_no"),
    sa.Index("job_nodes_by_job", "job_no", "number"),
    partial_index("job_nodes_by_node", "node_no", where="standing != 'over'"),
    comment="where a job's preparation is wanted or has run, and its release; kept when the node is gone",
    sqlite_autoincrement=True,
)

MOVING_NODE = job_nodes.c.standing != sa.literal_column("'over'")
"""Of which something may still come; spelled as in the partial index, which is used only so."""

task_counts = sa.Table(
    "task_counts",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("required_slots", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("active", sa.BigInteger, nullable=False),
    sa.Column("running", sa.BigInteger, nullable=False),
    sa.Column("succeeded", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    *(
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        for name in (
            "gone_succeeded",  # of tasks that were deleted
            "gone_failed",
            "retries",
            "wall_time",  # ticks, of runs that are over, as all that follows
            "wait_time",
            "user_time",
            "kernel_time",
            "blocks_read",
            "blocks_written",
            "blocked",  # of the active ones, those that wait for what they depend on
        )
    ),
    comment="exact, changed in the transaction that changes a task's state; leased counts as active",
)

satisfied_numbers = sa.Table(
    "satisfied_numbers",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    comment="ids that are numbers and satisfied, as stretches that do not touch",
)

satisfied_ids = sa.Table(
    "satisfied_ids",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", Key, primary_key=True),
    comment="of tasks that were satisfied and are gone, until others take their ids",
)

awaited_ranges = sa.Table(
    "awaited_ranges",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("missing", sa.BigInteger, nullable=False, comment="the highest that is not satisfied"),
    sa.Index("awaited_ranges_by_missing", "job_no", "missing"),
    comment="ranges that tasks wait for, one row for all that wait for the same",
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("job_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("came", Key, primary_key=True),
    comment="what is satisfied of which not all who waited for it have been looked at; an event goes on",
)


def _job_sums() -> list[sa.Column[int]]:
    """What tasks of jobs took; see `resources.usage`."""
    names = (
        "succeeded",
        "failed",
        "retries",
        "wall_time",
        "slot_time",
        "wait_time",
        "user_time",
        "kernel_time",
        "blocks_read",
        "blocks_written",
    )
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


past_jobs = sa.Table(
    "past_jobs",
    metadata,
    sa.Column("account", Key, primary_key=True),
    sa.Column("since", Ticks, nullable=False),  # when the first of them was added
    *_job_sums(),
    comment="what tasks of jobs that are gone used, as task_counts has it of those that are there",
)

past_jobs_of_schedules = sa.Table(
    "past_jobs_of_schedules",
    metadata,
    sa.Column("schedule_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("since", Ticks, nullable=False),
    *_job_sums(),
    comment="the same by the job schedules that had made the jobs",
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
