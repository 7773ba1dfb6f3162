"""Files that readers hand over."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "AVATAR",
                "POST_IMAGE",
                "IMPORT",
                name="uploadpurpose",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("PENDING", "READY", name="mediastate", native_enum=False, create_constraint=True, length=20),
            server_default="PENDING",
            nullable=False,
        ),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("byte_size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=True),
        sa.Column("file_key", sa.String(length=100), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("byte_size > 0", name=op.f("ck_media_byte_size")),
        sa.CheckConstraint("(state = 'READY') = (file_key IS NOT NULL)", name=op.f("ck_media_file_key")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_media_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("file_key", name=op.f("uq_media_file_key")),
    )
    op.create_index(op.f("ix_media_user_id"), "media", ["user_id"])
    op.create_index("ix_media_unattached", "media", ["created_at"], postgresql_where=sa.text("attached_at IS NULL"))
    op.create_index("ix_media_imports", "media", ["created_at"], postgresql_where=sa.text("purpose = 'IMPORT'"))
    op.create_table(
        "stored_files",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media.id"], name=op.f("fk_stored_files_media_id_media"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_stored_files")),
    )
    op.create_index(op.f("ix_stored_files_media_id"), "stored_files", ["media_id"])
    op.add_column("users", sa.Column("avatar_key", sa.String(length=100), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "avatar_key")
    op.drop_table("stored_files")
    op.drop_table("media")
