"""Certificates, which older versions of the API have."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "certificates",
        sa.Column("certificate_no", Number, primary_key=True, autoincrement=True),
        sa.Column("account", Key, nullable=False),
        sa.Column("thumbprint", Key, nullable=False, comment="SHA-1, in lower case"),
        sa.Column("public_data", sa.LargeBinary, comment="none of a PFX, which is not looked into"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_time", sa.BigInteger, nullable=False),
        sa.Column("previous_state", sa.Text),
        sa.Column("previous_state_time", sa.BigInteger),
        sa.Column("error", sa.LargeBinary, comment="JSON of the API's deleteCertificateError"),
        sa.UniqueConstraint("account", "thumbprint"),
        comment="what versions up to 2024-07-01.20.0 know; private keys and passwords are never kept",
        sqlite_autoincrement=True,
    )
