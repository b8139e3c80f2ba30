"""orders are purchases, of any amount"""

import sqlalchemy as sa
from alembic import op

revision = "c3c0ffee0003"
down_revision = "b2c0ffee0002"


def upgrade():
    op.rename_table("orders", "purchases")
    op.execute("ALTER SEQUENCE orders_id_seq RENAME TO purchases_id_seq")
    op.alter_column("purchases", "amount", existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False)


def downgrade():
    op.alter_column("purchases", "amount", existing_type=sa.BigInteger(), type_=sa.Integer(), existing_nullable=False)
    op.execute("ALTER SEQUENCE purchases_id_seq RENAME TO orders_id_seq")
    op.rename_table("purchases", "orders")
