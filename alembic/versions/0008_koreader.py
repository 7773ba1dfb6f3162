"""KOReader: what it signs in with, and the files it tells of."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("users", sa.Column("koreader_hash", sa.String(length=255), nullable=True))
    op.add_column("users", sa.Column("koreader_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=True),
        sa.Column("percentage", sa.Float(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("device_key", sa.Text(), nullable=True),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("authors", sa.Text(), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_documents_user_id_users", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_documents_book_id_books", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("user_id", "digest", name="uq_documents_user_id_digest"),
    )
    op.create_index("ix_documents_book_id", "documents", ["book_id"])
    op.create_index("ix_documents_user_id_touched_at_id", "documents", ["user_id", "touched_at", "id"])


def downgrade() -> None:
    op.drop_table("documents")
    op.drop_column("users", "koreader_since")
    op.drop_column("users", "koreader_hash")
