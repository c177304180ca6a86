"""What alembic runs: the steps of `versions/` on the connection that migrate.py hands over."""

from alembic import context

from slipcast.service.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
