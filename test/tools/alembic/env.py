import os
from logging.config import fileConfig

from alembic import context
from sqlalchemy import create_engine, pool

fileConfig(context.config.config_file_name)

# `-x each` gives each migration a transaction of its own; else all are one.
each = "each" in context.get_x_argument(as_dictionary=True)
url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg://")

with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=each)
    with context.begin_transaction():
        context.run_migrations()
