"""When nodes are there is kept, and what pools used, also of what is gone.

Of nodes that run it is known since when their last boot is; of those that are gone nothing is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

OF_TASKS = ("cpu_time", "blocks_read", "blocks_written", "peak_memory")
OF_POOLS = ("dedicated_time", "low_priority_time", *OF_TASKS)
Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("ended IS NULL")


def upgrade() -> None:
    for name in OF_TASKS:
        op.add_column("nodes", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "node_spans",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("account", Key, nullable=False),
        sa.Column("pool_no", sa.BigInteger, nullable=False),
        sa.Column("pool_key", Key, nullable=False),
        sa.Column("pool_id", sa.Text, nullable=False),
        sa.Column("vm_size", sa.Text, nullable=False),
        sa.Column("node_no", sa.BigInteger, nullable=False),
        sa.Column("dedicated", sa.Boolean, nullable=False),
        sa.Column("cores", sa.Integer, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.PrimaryKeyConstraint("number"),
        comment="when nodes were there to run something; kept for some time after they are gone",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "node_spans_open", "node_spans", ["node_no"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("node_spans_by_end", "node_spans", ["ended"], unique=False)
    op.create_table(
        "pool_usage",
        sa.Column("pool_no", sa.BigInteger, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in OF_POOLS),
        sa.PrimaryKeyConstraint("pool_no"),
        comment="what nodes of the pool that are gone used",
    )
    op.create_table(
        "past_pools",
        sa.Column("account", Key, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in OF_POOLS),
        sa.PrimaryKeyConstraint("account"),
        comment="what pools that are gone used",
    )
    op.execute(
        """
        INSERT INTO node_spans
            (account, pool_no, pool_key, pool_id, vm_size, node_no, dedicated, cores, began)
        SELECT pools.account, pools.pool_no, pools.key, pools.id, pools.vm_size, nodes.node_no,
            nodes.dedicated, pools.node_cores, coalesce(nodes.boot_begun, nodes.allocated)
        FROM nodes JOIN pools ON pools.pool_no = nodes.pool_no
        WHERE nodes.state <> 'creating' ORDER BY nodes.node_no
        """
    )
