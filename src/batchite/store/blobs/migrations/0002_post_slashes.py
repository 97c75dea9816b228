"""Names of blobs have a slash for each backslash, as the addresses of blobs from now on.

Where there is a blob of the name already, the other is given a number behind its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = [
    sa.table(name, sa.column("container_no", sa.BigInteger), sa.column("name", sa.Text))
    for name in ("blobs", "uncommitted")
]


def upgrade() -> None:
    connection = op.get_bind()
    found = sa.union(
        *(
            sa.select(table.c.container_no, table.c.name).where(table.c.name.contains("\\", autoescape=True))
            for table in TABLES
        )
    )
    for container_no, name in connection.execute(found).all():
        new = _free(connection, container_no, name.replace("\\", "/"))
        for table in TABLES:
            here = sa.and_(table.c.container_no == container_no, table.c.name == name)
            connection.execute(sa.update(table).where(here).values(name=new))


def _free(connection: sa.Connection, container_no: int, name: str) -> str:
    """The name, or the first with a number behind it that nothing has."""
    new, number = name, 1
    while _is_taken(connection, container_no, new):
        number += 1
        new = f"{name}-{number}"
    return new


def _is_taken(connection: sa.Connection, container_no: int, name: str) -> bool:
    here = (sa.exists().where(table.c.container_no == container_no, table.c.name == name) for table in TABLES)
    return bool(connection.execute(sa.select(sa.or_(*here))).scalar_one())
