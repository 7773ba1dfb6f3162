"""Reading positions: of a reader in a book, and of each device."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _place() -> list[sa.Column[object]]:
    return [
        sa.Column("location", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Float(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _belongs(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id_users", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name=f"fk_{table}_book_id_books", ondelete="CASCADE"),
    ]


def upgrade() -> None:
    op.create_table(
        "reading_positions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        *_place(),
        sa.Column("writer", sa.String(length=300), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("furthest_location", sa.Integer(), nullable=True),
        sa.Column("furthest_percent", sa.Float(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *_belongs("reading_positions"),
        sa.PrimaryKeyConstraint("id", name="pk_reading_positions"),
        sa.UniqueConstraint("user_id", "book_id", name="uq_reading_positions_user_id_book_id"),
    )
    op.create_index("ix_reading_positions_book_id", "reading_positions", ["book_id"])
    op.create_index(
        "ix_reading_positions_user_id_recorded_at_id", "reading_positions", ["user_id", "recorded_at", "id"]
    )
    op.create_index("ix_reading_positions_user_id_changed_at", "reading_positions", ["user_id", "changed_at"])
    op.create_table(
        "device_positions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("writer", sa.String(length=300), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("device_name", sa.Text(), nullable=True),
        *_place(),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        *_belongs("device_positions"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_device_positions_device_id_devices", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "book_id", "writer", name="pk_device_positions"),
    )
    op.create_index("ix_device_positions_book_id", "device_positions", ["book_id"])
    op.create_index("ix_device_positions_device_id", "device_positions", ["device_id"])


def downgrade() -> None:
    op.drop_table("device_positions")
    op.drop_table("reading_positions")
