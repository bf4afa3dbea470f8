"""Alembic's entry: it runs on the connection `store.migrate` hands over, inside its transaction."""

from alembic import context

from store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,  # both databases can; the caller's transaction holds all of it or nothing
    render_as_batch=True,  # SQLite alters a table by making it anew
    compare_type=True,
)
context.run_migrations()
