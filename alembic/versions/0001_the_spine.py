"""The spine: accounts, books, highlights and their sync, jobs, imports, and who sees whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

SEQ_TRIGGER = """
CREATE FUNCTION highlights_seq_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq > OLD.seq OR (OLD.deleted_at IS NOT NULL AND NEW.erased_at IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    IF NEW.seq < OLD.seq OR (NEW.book_id, NEW.text, NEW.location_start, NEW.location_end, NEW.prefix, NEW.suffix, NEW.cfi, NEW.page, NEW.percent,
        NEW.note, NEW.color, NEW.visibility, NEW.deleted_at, NEW.conflict_of)
        IS DISTINCT FROM
       (OLD.book_id, OLD.text, OLD.location_start, OLD.location_end, OLD.prefix, OLD.suffix, OLD.cfi, OLD.page, OLD.percent,
        OLD.note, OLD.color, OLD.visibility, OLD.deleted_at, OLD.conflict_of)
    THEN
        RAISE EXCEPTION 'highlight % changed without a new sequence number: devices would never learn of it', OLD.id;
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "auth_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("bucket", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auth_attempts")),
    )
    op.create_index("ix_auth_attempts_at", "auth_attempts", ["at"], unique=False)
    op.create_index("ix_auth_attempts_bucket_at", "auth_attempts", ["bucket", "at"], unique=False)
    op.create_table(
        "books",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.String(length=200)), nullable=False),
        sa.Column("match_key", sa.String(length=64), nullable=False),
        sa.Column("isbn", sa.String(length=13), nullable=True),
        sa.Column("publisher", sa.String(length=200), nullable=True),
        sa.Column("total_locations", sa.Integer(), nullable=True),
        sa.Column("is_public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("total_locations > 0", name=op.f("ck_books_total_locations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_books")),
        sa.UniqueConstraint("isbn", name=op.f("uq_books_isbn")),
    )
    op.create_index(
        "ix_books_title_trgm",
        "books",
        ["title"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"title": "gin_trgm_ops"},
    )
    op.create_index("uq_books_match_key", "books", ["match_key"], unique=True, postgresql_where=sa.text("isbn IS NULL"))
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "WAITING",
                "RUNNING",
                "DONE",
                "DEAD",
                name="jobstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="WAITING",
            nullable=False,
        ),
        sa.Column("run_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_due", "jobs", ["run_at"], unique=False, postgresql_where=sa.text("state = 'WAITING'"))
    op.create_index(
        "ix_jobs_finished_at", "jobs", ["finished_at"], unique=False, postgresql_where=sa.text("state = 'DONE'")
    )
    op.create_index(
        "ix_jobs_lease", "jobs", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'RUNNING'")
    )
    op.create_index("uq_jobs_key", "jobs", ["key"], unique=True)
    op.create_table(
        "sync_epoch",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("epoch", sa.String(length=16), nullable=False),
        sa.Column("fingerprint", sa.String(length=100), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("ck_sync_epoch_single")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_sync_epoch")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.String(length=30), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("bio", sa.Text(), server_default="", nullable=False),
        sa.Column("website_url", sa.String(length=500), nullable=True),
        sa.Column(
            "role",
            sa.Enum("READER", "MODERATOR", "ADMIN", name="role", native_enum=False, create_constraint=True, length=20),
            server_default="READER",
            nullable=False,
        ),
        sa.Column("is_private", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("allow_followers", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "default_highlight_visibility",
            sa.Enum(
                "PRIVATE",
                "MUTUALS",
                "FOLLOWERS",
                "PUBLIC",
                name="visibility",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="PRIVATE",
            nullable=False,
        ),
        sa.Column("show_highlights_to_followers", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("contribute_to_popular", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("export_includes_notes", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("export_includes_timestamps", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("follower_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("following_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("char_length(bio) <= 500", name=op.f("ck_users_bio_length")),
        sa.CheckConstraint("char_length(username) BETWEEN 3 AND 30", name=op.f("ck_users_username_length")),
        sa.CheckConstraint("follower_count >= 0 AND following_count >= 0", name=op.f("ck_users_counts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email_lower", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_users_username_lower", "users", [sa.literal_column("lower(username)")], unique=True)
    op.create_table(
        "blocks",
        sa.Column("blocker_id", sa.Uuid(), nullable=False),
        sa.Column("blocked_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("blocker_id <> blocked_id", name=op.f("ck_blocks_no_self_block")),
        sa.ForeignKeyConstraint(
            ["blocked_id"], ["users.id"], name=op.f("fk_blocks_blocked_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["blocker_id"], ["users.id"], name=op.f("fk_blocks_blocker_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("blocker_id", "blocked_id", name=op.f("pk_blocks")),
    )
    op.create_index(op.f("ix_blocks_blocked_id"), "blocks", ["blocked_id"], unique=False)
    op.create_table(
        "book_holders",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_book_holders_book_id_books"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_book_holders_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "book_id", name=op.f("pk_book_holders")),
    )
    op.create_index(op.f("ix_book_holders_book_id"), "book_holders", ["book_id"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("platform", sa.String(length=50), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sync_highlights", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("sync_notes", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("must_resync", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("synced_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_devices_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_user_id"), "devices", ["user_id"], unique=False)
    op.create_table(
        "follow_requests",
        sa.Column("follower_id", sa.Uuid(), nullable=False),
        sa.Column("followed_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("follower_id <> followed_id", name=op.f("ck_follow_requests_no_self_request")),
        sa.ForeignKeyConstraint(
            ["followed_id"], ["users.id"], name=op.f("fk_follow_requests_followed_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["users.id"], name=op.f("fk_follow_requests_follower_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("follower_id", "followed_id", name=op.f("pk_follow_requests")),
    )
    op.create_index(op.f("ix_follow_requests_followed_id"), "follow_requests", ["followed_id"], unique=False)
    op.create_table(
        "follows",
        sa.Column("follower_id", sa.Uuid(), nullable=False),
        sa.Column("followed_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("follower_id <> followed_id", name=op.f("ck_follows_no_self_follow")),
        sa.ForeignKeyConstraint(
            ["followed_id"], ["users.id"], name=op.f("fk_follows_followed_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"], ["users.id"], name=op.f("fk_follows_follower_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("follower_id", "followed_id", name=op.f("pk_follows")),
    )
    op.create_index("ix_follows_followed_id_created_at", "follows", ["followed_id", "created_at"], unique=False)
    op.create_index("ix_follows_follower_id_created_at", "follows", ["follower_id", "created_at"], unique=False)
    op.create_table(
        "highlights",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("location_start", sa.Integer(), nullable=True),
        sa.Column("location_end", sa.Integer(), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=True),
        sa.Column("suffix", sa.Text(), nullable=True),
        sa.Column("cfi", sa.Text(), nullable=True),
        sa.Column("page", sa.String(length=50), nullable=True),
        sa.Column("percent", sa.Double(), nullable=True),
        sa.Column("passage_seq", sa.BigInteger(), nullable=False),
        sa.Column("passage_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("passage_device_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("note_seq", sa.BigInteger(), nullable=False),
        sa.Column("note_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note_device_id", sa.Uuid(), nullable=True),
        sa.Column(
            "color",
            sa.Enum(
                "YELLOW",
                "BLUE",
                "PINK",
                "ORANGE",
                "GREEN",
                name="highlightcolor",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="YELLOW",
            nullable=False,
        ),
        sa.Column("color_seq", sa.BigInteger(), nullable=False),
        sa.Column("color_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("color_device_id", sa.Uuid(), nullable=True),
        sa.Column(
            "visibility",
            sa.Enum(
                "PRIVATE",
                "MUTUALS",
                "FOLLOWERS",
                "PUBLIC",
                name="visibility",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="PRIVATE",
            nullable=False,
        ),
        sa.Column("visibility_seq", sa.BigInteger(), nullable=False),
        sa.Column("visibility_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visibility_device_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("restorable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("life_seq", sa.BigInteger(), nullable=False),
        sa.Column("life_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("life_device_id", sa.Uuid(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conflict_of", sa.Uuid(), nullable=True),
        sa.Column("origin_device_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(deleted_at IS NULL) = (restorable_until IS NULL)", name=op.f("ck_highlights_deleted_restorable")
        ),
        sa.CheckConstraint(
            "(location_start IS NULL) = (location_end IS NULL)", name=op.f("ck_highlights_locations_together")
        ),
        sa.CheckConstraint("erased_at IS NULL OR deleted_at IS NOT NULL", name=op.f("ck_highlights_erased_deleted")),
        sa.CheckConstraint(
            "location_start >= 0 AND location_end > location_start", name=op.f("ck_highlights_locations_ordered")
        ),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_highlights_percent_range")),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name=op.f("fk_highlights_book_id_books")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_highlights_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "id", name=op.f("pk_highlights")),
    )
    op.create_index("ix_highlights_book_id", "highlights", ["book_id"], unique=False)
    op.create_index(
        "ix_highlights_erased_at",
        "highlights",
        ["erased_at"],
        unique=False,
        postgresql_where=sa.text("erased_at IS NOT NULL"),
    )
    op.create_index(
        "ix_highlights_restorable_until",
        "highlights",
        ["restorable_until"],
        unique=False,
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.create_index("ix_highlights_user_id_book_id", "highlights", ["user_id", "book_id"], unique=False)
    op.create_index("ix_highlights_user_id_created_at", "highlights", ["user_id", "created_at", "id"], unique=False)
    op.create_index("uq_highlights_id", "highlights", ["id"], unique=True)
    op.create_index("uq_highlights_user_id_seq", "highlights", ["user_id", "seq"], unique=True)
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("fork_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "operation", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "import_marks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("highlight_id", sa.Uuid(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_import_marks_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_import_marks")),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "format",
            sa.Enum("MY_CLIPPINGS", name="importformat", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "QUEUED",
                "RUNNING",
                "DONE",
                "FAILED",
                name="importstate",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            server_default="QUEUED",
            nullable=False,
        ),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("created", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("merged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_imports_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_user_id"), "imports", ["user_id"], unique=False)
    op.create_table(
        "mutes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("muted_user_id", sa.Uuid(), nullable=True),
        sa.Column("muted_book_id", sa.Uuid(), nullable=True),
        sa.Column("word", sa.String(length=100), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("num_nonnulls(muted_user_id, muted_book_id, word) = 1", name=op.f("ck_mutes_one_target")),
        sa.ForeignKeyConstraint(
            ["muted_book_id"], ["books.id"], name=op.f("fk_mutes_muted_book_id_books"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["muted_user_id"], ["users.id"], name=op.f("fk_mutes_muted_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mutes_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mutes")),
    )
    op.create_index(op.f("ix_mutes_muted_book_id"), "mutes", ["muted_book_id"], unique=False)
    op.create_index(op.f("ix_mutes_muted_user_id"), "mutes", ["muted_user_id"], unique=False)
    op.create_index("uq_mutes_book", "mutes", ["user_id", "muted_book_id"], unique=True)
    op.create_index("uq_mutes_user", "mutes", ["user_id", "muted_user_id"], unique=True)
    op.create_index("uq_mutes_word", "mutes", ["user_id", "word"], unique=True)
    op.create_table(
        "sync_counters",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sync_counters_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_sync_counters")),
    )
    op.create_table(
        "sync_outcomes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("op_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "APPLIED",
                "MERGED",
                "SUPERSEDED",
                "FORKED",
                "REJECTED",
                name="opoutcome",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("highlight_id", sa.Uuid(), nullable=False),
        sa.Column("fork_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_field", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sync_outcomes_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "op_id", name=op.f("pk_sync_outcomes")),
    )
    op.create_index("ix_sync_outcomes_created_at", "sync_outcomes", ["created_at"], unique=False)
    op.create_table(
        "import_books",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("book_id", sa.Uuid(), nullable=True),
        sa.Column("created", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("merged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id"], ["books.id"], name=op.f("fk_import_books_book_id_books"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_books_import_id_imports"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_import_books")),
    )
    op.create_table(
        "import_problems",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_problems_import_id_imports"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_problems")),
    )
    op.create_index("ix_import_problems_import_id_line", "import_problems", ["import_id", "line"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_sessions_device_id_devices"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_device_id"), "sessions", ["device_id"], unique=False)
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.execute(SEQ_TRIGGER)
    op.execute(
        "CREATE TRIGGER highlights_seq_grows BEFORE UPDATE ON highlights"
        " FOR EACH ROW EXECUTE FUNCTION highlights_seq_grows()"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_device_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("ix_import_problems_import_id_line", table_name="import_problems")
    op.drop_table("import_problems")
    op.drop_table("import_books")
    op.drop_index("ix_sync_outcomes_created_at", table_name="sync_outcomes")
    op.drop_table("sync_outcomes")
    op.drop_table("sync_counters")
    op.drop_index("uq_mutes_word", table_name="mutes")
    op.drop_index("uq_mutes_user", table_name="mutes")
    op.drop_index("uq_mutes_book", table_name="mutes")
    op.drop_index(op.f("ix_mutes_muted_user_id"), table_name="mutes")
    op.drop_index(op.f("ix_mutes_muted_book_id"), table_name="mutes")
    op.drop_table("mutes")
    op.drop_index(op.f("ix_imports_user_id"), table_name="imports")
    op.drop_table("imports")
    op.drop_table("import_marks")
    op.drop_index("ix_idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("uq_highlights_user_id_seq", table_name="highlights")
    op.drop_index("uq_highlights_id", table_name="highlights")
    op.drop_index("ix_highlights_user_id_created_at", table_name="highlights")
    op.drop_index("ix_highlights_user_id_book_id", table_name="highlights")
    op.drop_index(
        "ix_highlights_restorable_until", table_name="highlights", postgresql_where=sa.text("erased_at IS NULL")
    )
    op.drop_index("ix_highlights_erased_at", table_name="highlights", postgresql_where=sa.text("erased_at IS NOT NULL"))
    op.drop_index("ix_highlights_book_id", table_name="highlights")
    op.drop_table("highlights")
    op.drop_index("ix_follows_follower_id_created_at", table_name="follows")
    op.drop_index("ix_follows_followed_id_created_at", table_name="follows")
    op.drop_table("follows")
    op.drop_index(op.f("ix_follow_requests_followed_id"), table_name="follow_requests")
    op.drop_table("follow_requests")
    op.drop_index(op.f("ix_devices_user_id"), table_name="devices")
    op.drop_table("devices")
    op.drop_index(op.f("ix_book_holders_book_id"), table_name="book_holders")
    op.drop_table("book_holders")
    op.drop_index(op.f("ix_blocks_blocked_id"), table_name="blocks")
    op.drop_table("blocks")
    op.drop_index("uq_users_username_lower", table_name="users")
    op.drop_index("uq_users_email_lower", table_name="users")
    op.drop_table("users")
    op.drop_table("sync_epoch")
    op.drop_index("uq_jobs_key", table_name="jobs")
    op.drop_index("ix_jobs_lease", table_name="jobs", postgresql_where=sa.text("state = 'RUNNING'"))
    op.drop_index("ix_jobs_finished_at", table_name="jobs", postgresql_where=sa.text("state = 'DONE'"))
    op.drop_index("ix_jobs_due", table_name="jobs", postgresql_where=sa.text("state = 'WAITING'"))
    op.drop_table("jobs")
    op.drop_index("uq_books_match_key", table_name="books", postgresql_where=sa.text("isbn IS NULL"))
    op.drop_index(
        "ix_books_title_trgm", table_name="books", postgresql_using="gin", postgresql_ops={"title": "gin_trgm_ops"}
    )
    op.drop_table("books")
    op.drop_index("ix_auth_attempts_bucket_at", table_name="auth_attempts")
    op.drop_index("ix_auth_attempts_at", table_name="auth_attempts")
    op.drop_table("auth_attempts")
    op.execute("DROP FUNCTION highlights_seq_grows()")
