"""Autoscale formulas of pools, what they look back at, and what they have come to."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "autoscaling",
        sa.Column("pool_no", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("formula", sa.Text, nullable=False),
        sa.Column("interval_ticks", sa.BigInteger, nullable=False),
        sa.Column("enabled", sa.BigInteger, nullable=False, comment="when that was last asked for"),
        sa.Column("evaluate_at", sa.BigInteger, nullable=False, comment="when the formula is evaluated next"),
        sa.Column("sample_at", sa.BigInteger, nullable=False, comment="when the next sample is taken"),
        sa.Column("run", sa.LargeBinary, comment="JSON of the API's autoScaleRun"),
        sa.PrimaryKeyConstraint("pool_no"),
        comment="of pools whose autoscale is, or has been, on; whether it is says `auto_scale`",
    )
    op.create_table(
        "samples",
        sa.Column("pool_no", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("measured", sa.LargeBinary, nullable=False, comment="see scheduling.autoscale.samples"),
        sa.PrimaryKeyConstraint("pool_no", "at"),
        comment="what autoscale formulas look back at; none of pools whose autoscale is off",
    )
    op.create_table(
        "evaluations",
        sa.Column("evaluation_no", Number, autoincrement=True, nullable=False),
        sa.Column("pool_no", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False, comment="JSON, see resources.evaluations"),
        sa.PrimaryKeyConstraint("evaluation_no"),
        comment="the last ones of every pool",
        sqlite_autoincrement=True,
    )
    op.create_index("evaluations_by_pool", "evaluations", ["pool_no", "evaluation_no"], unique=False)
