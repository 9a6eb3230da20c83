"""What Alembic runs: over the connection it is handed, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from adapters.records.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("migrations are run by Records.migrate(), which hands over its connection")

# SQLite can roll back DDL too: our engine begins its transactions itself (see engine.py).
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
