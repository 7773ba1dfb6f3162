"""The last operation of each device, by which its copies are told from it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("devices", sa.Column("pushed_op_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("devices", "pushed_op_id")
