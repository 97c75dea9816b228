"""Tasks that somebody wants ended or gone are found without a look at all others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    intended = sa.text("intent IS NOT NULL")
    op.create_index(
        "tasks_intended",
        "tasks",
        ["job_no"],
        unique=False,
        sqlite_where=intended,
        postgresql_where=intended,
    )
