"""Run by Alembic for every command; see `batchite.store.migrating`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
