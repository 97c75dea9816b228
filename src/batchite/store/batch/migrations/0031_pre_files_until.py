"""How long nodes keep files of tasks that are over, so that they are found when that time has come."""

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

WEEK = 7 * 86_400 * 10_000_000
LAST = 2**63 - 1
tasks = sa.table(
    "tasks",
    *map(sa.column, ("state", "node_no", "ended", "files_until")),
    sa.column("rules", sa.LargeBinary),
)
HAS_FILES = sa.and_(tasks.c.state == "completed", tasks.c.node_no.is_not(None), tasks.c.ended.is_not(None))


def upgrade() -> None:
    op.add_column("tasks", sa.Column("files_until", sa.BigInteger))
    connection = op.get_bind()
    for rules in connection.execute(sa.select(tasks.c.rules).where(HAS_FILES).distinct()).scalars().all():
        _write(connection, rules)
    op.create_index(
        "tasks_with_files",
        "tasks",
        ["node_no", "files_until"],
        unique=False,
        sqlite_where=sa.text("files_until IS NOT NULL"),
        postgresql_where=sa.text("files_until IS NOT NULL"),
    )


def _write(connection: sa.Connection, rules: bytes | None) -> None:
    """Of tasks with these rules; those without have the default."""
    kept = WEEK if rules is None else msgspec.msgpack.decode(rules).get("retention", WEEK)
    same = tasks.c.rules.is_(None) if rules is None else tasks.c.rules == rules
    until = sa.case((tasks.c.ended > LAST - kept, LAST), else_=tasks.c.ended + kept)
    connection.execute(sa.update(tasks).where(HAS_FILES, same).values(files_until=until))
