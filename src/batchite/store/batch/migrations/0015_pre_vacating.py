"""What nodes take no more tasks for, and what pools have that ended a resize before their target."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for column in ("vacating", "vacating_option"):
        op.add_column("nodes", sa.Column(column, sa.Text))
    op.create_index(
        "nodes_vacating",
        "nodes",
        ["pool_no"],
        unique=False,
        sqlite_where=sa.text("vacating IS NOT NULL"),
        postgresql_where=sa.text("vacating IS NOT NULL"),
    )
    op.add_column("pools", sa.Column("resize_option", sa.Text))
    for column in ("kept_dedicated", "kept_low_priority"):
        op.add_column("pools", sa.Column(column, sa.Integer))
