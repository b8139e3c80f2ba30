"""create the shop"""

import sqlalchemy as sa
from alembic import op

revision = "a1c0ffee0001"
down_revision = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("legacy", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.UniqueConstraint("email", name="users_email_key"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="new"),
        sa.Column("note", sa.Text),
    )


def downgrade():
    op.drop_table("orders")
    op.drop_table("users")
