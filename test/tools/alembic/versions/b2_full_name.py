"""users.name is the full name"""

from alembic import op

revision = "b2c0ffee0002"
down_revision = "a1c0ffee0001"


def upgrade():
    op.alter_column("users", "name", new_column_name="full_name")


def downgrade():
    op.alter_column("users", "full_name", new_column_name="name")
