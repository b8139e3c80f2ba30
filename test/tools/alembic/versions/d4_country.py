"""users have a country, and no legacy flag"""

import sqlalchemy as sa
from alembic import op

revision = "d4c0ffee0004"
down_revision = "c3c0ffee0003"


def upgrade():
    op.add_column("users", sa.Column("country", sa.Text(), server_default="DE", nullable=False))
    op.drop_column("users", "legacy")


def downgrade():
    op.add_column("users", sa.Column("legacy", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_column("users", "country")
