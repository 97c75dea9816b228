"""Ports that are reserved for nodes. Those that are there already get one to log in."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "inbound",
        sa.Column("port", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("node_no", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Index("inbound_by_node", "node_no"),
    )
    op.execute(
        "INSERT INTO inbound (port, node_no, rule, number) "
        "SELECT port, node_no, 'SSHRule', number FROM ("
        "SELECT node_no, 49999 + row_number() OVER (ORDER BY node_no) AS port, "
        "row_number() OVER (PARTITION BY pool_no ORDER BY node_no) - 1 AS number FROM nodes) AS old "
        "WHERE port <= 65534"
    )
