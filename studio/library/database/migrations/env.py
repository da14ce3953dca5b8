"""What Alembic runs: the steps that a database lacks, in one transaction."""

from alembic import context

from studio.library.database.records import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
