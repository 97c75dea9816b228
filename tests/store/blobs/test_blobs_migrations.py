from pathlib import Path

import sqlalchemy as sa

from batchite.store import migrating
from batchite.store.blobs import schema
from batchite.store.database import create_engine


def definitions(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    engine.dispose()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def test_the_revisions_lead_to_the_schema(tmp_path: Path) -> None:
    migrating.upgrade(f"sqlite:///{tmp_path}/migrated.db", "blobs")
    created = create_engine(f"sqlite:///{tmp_path}/created.db")
    schema.metadata.create_all(created)
    assert definitions(create_engine(f"sqlite:///{tmp_path}/migrated.db")) == definitions(created)
