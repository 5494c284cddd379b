"""Where Alembic runs a migration: always on the connection `Store.migrate` opened, so that it is one transaction."""

from __future__ import annotations

from alembic import context

from serving.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
