"""Runs migrations on the connection that `Store.migrate` opened, so that all of them are one transaction."""

from __future__ import annotations

from alembic import context

from serving.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
