"""Four more formats of imports, and files that come as uploads."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.drop_constraint("ck_imports_importformat", "imports")
    op.create_check_constraint(
        "ck_imports_importformat",
        "imports",
        "format IN ('MY_CLIPPINGS', 'KOREADER', 'READWISE_CSV', 'W3C_ANNOTATIONS', 'JSON')",
    )
    op.add_column("imports", sa.Column("media_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("imports", "media_id")
    # The upgrade's name went through the naming convention once more.
    op.drop_constraint(op.f("ck_imports_ck_imports_importformat"), "imports")
    op.create_check_constraint(op.f("ck_imports_importformat"), "imports", "format IN ('MY_CLIPPINGS')")
