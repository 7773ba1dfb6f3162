"""Tell interruptions of jobs from failures; let imports know older copies of a file, and what became of notes and repeats."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    op.add_column("jobs", _count("interruptions"))
    op.add_column("imports", _count("attached_notes"))
    op.add_column("imports", _count("collapsed"))
    op.add_column("import_marks", sa.Column("file_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("import_marks", _count("file_records"))


def downgrade() -> None:
    op.drop_column("import_marks", "file_records")
    op.drop_column("import_marks", "file_until")
    op.drop_column("imports", "collapsed")
    op.drop_column("imports", "attached_notes")
    op.drop_column("jobs", "interruptions")
