"""Where jobs are prepared and released."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "job_nodes",
        sa.Column("number", Number, primary_key=True, autoincrement=True),
        sa.Column("job_no", sa.BigInteger, nullable=False),
        sa.Column("node_no", sa.BigInteger, nullable=False),
        sa.Column("node_id", Key, nullable=False),
        sa.Column("pool_id", Key, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("reruns", sa.Boolean, nullable=False),
        sa.Column("has_completed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("has_run", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("release", sa.Text),
        sa.Column("preparation_attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("preparation_state", sa.Text),
        sa.Column("preparation_start", sa.BigInteger),
        sa.Column("preparation_end", sa.BigInteger),
        sa.Column("preparation_exit_code", sa.Integer),
        sa.Column("preparation_result", sa.Text),
        sa.Column("preparation_failure", sa.LargeBinary),
        sa.Column("release_attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("release_state", sa.Text),
        sa.Column("release_start", sa.BigInteger),
        sa.Column("release_end", sa.BigInteger),
        sa.Column("release_exit_code", sa.Integer),
        sa.Column("release_result", sa.Text),
        sa.Column("release_failure", sa.LargeBinary),
        sa.Column("preparation_retries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("preparation_last_retry", sa.BigInteger),
        sa.UniqueConstraint("job_no", "node_no"),
        comment="where a job's preparation is wanted or has run, and its release; kept when the node is gone",
        sqlite_autoincrement=True,
    )
    op.create_index("job_nodes_by_job", "job_nodes", ["job_no", "number"])
    still = sa.text("standing != 'over'")
    op.create_index("job_nodes_by_node", "job_nodes", ["node_no"], sqlite_where=still, postgresql_where=still)
