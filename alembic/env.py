"""Run migrations on the connection that core hands over; the command line offers no other way in."""

from alembic import context

import models  # noqa: F401 - registers the tables
from core.database import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, compare_type=True, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
