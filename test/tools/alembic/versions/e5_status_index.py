"""purchases are found by status"""

from alembic import op

revision = "e5c0ffee0005"
down_revision = "d4c0ffee0004"


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("purchases_status_idx", "purchases", ["status"], postgresql_concurrently=True)


def downgrade():
    op.drop_index("purchases_status_idx", table_name="purchases")
