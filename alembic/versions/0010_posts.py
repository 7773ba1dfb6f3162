"""Posts, and what readers do with them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


# Whoever comes to follow somebody has a timeline that lacks what that somebody wrote before. Noted here, so that no way to a
# new follow can forget it; in order, because two statements for the same readers must not wait for each other in a circle.
NOTE_FOLLOWS = """
CREATE FUNCTION note_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_epochs AS known (user_id, epoch)
    SELECT follower_id, random() * 9007199254740991 FROM (SELECT DISTINCT follower_id FROM added) AS readers ORDER BY follower_id
    ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch;
    RETURN NULL;
END $$
"""
ON_FOLLOWS = """
CREATE TRIGGER note_follows AFTER INSERT ON follows
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_follows()
"""


def upgrade() -> None:
    op.create_table(
        "posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
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
            server_default="PUBLIC",
            nullable=False,
        ),
        sa.Column("book_id", sa.Uuid(), nullable=True),
        sa.Column("highlight_id", sa.Uuid(), nullable=True),
        sa.Column("quote_text", sa.Text(), nullable=True),
        sa.Column("quote_start", sa.Integer(), nullable=True),
        sa.Column("quote_end", sa.Integer(), nullable=True),
        sa.Column("image_key", sa.String(length=100), nullable=True),
        sa.Column("spoiler_until_location", sa.Integer(), nullable=True),
        sa.Column(
            "fanout",
            sa.Enum("PUSH", "PULL", name="fanout", native_enum=False, create_constraint=True, length=20),
            server_default="PUSH",
            nullable=False,
        ),
        sa.Column("like_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("comment_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("repost_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(quote_start IS NULL) = (quote_end IS NULL)", name=op.f("ck_posts_quote_locations_together")
        ),
        sa.CheckConstraint(
            "like_count >= 0 AND comment_count >= 0 AND repost_count >= 0", name=op.f("ck_posts_counts")
        ),
        sa.CheckConstraint(
            "spoiler_until_location IS NULL OR book_id IS NOT NULL", name=op.f("ck_posts_spoiler_has_book")
        ),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name=op.f("fk_posts_book_id_books")),
        sa.ForeignKeyConstraint(
            ["highlight_id"], ["highlights.id"], name=op.f("fk_posts_highlight_id_highlights"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_posts_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    op.create_index(op.f("ix_posts_book_id"), "posts", ["book_id"], unique=False)
    op.create_index(
        "ix_posts_deleted_at", "posts", ["deleted_at"], unique=False, postgresql_where=sa.text("deleted_at IS NOT NULL")
    )
    op.create_index(op.f("ix_posts_highlight_id"), "posts", ["highlight_id"], unique=False)
    op.create_index("ix_posts_user_id_created_at_id", "posts", ["user_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_posts_pulled",
        "posts",
        ["user_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("fanout = 'PULL'"),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("spoiler_until_location", sa.Integer(), nullable=True),
        sa.Column("depth", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("like_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reply_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(parent_id IS NULL) = (depth = 0)", name=op.f("ck_comments_depth")),
        sa.CheckConstraint("deleted_at IS NULL OR text IS NULL", name=op.f("ck_comments_deleted_empty")),
        sa.CheckConstraint("like_count >= 0 AND reply_count >= 0", name=op.f("ck_comments_counts")),
        sa.CheckConstraint("text IS NOT NULL OR deleted_at IS NOT NULL", name=op.f("ck_comments_empty_deleted")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["comments.id"], name=op.f("fk_comments_parent_id_comments"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_comments_post_id_posts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_comments_user_id_users"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_created_at", "comments", ["created_at"], unique=False)
    op.create_index("ix_comments_parent_id_created_at_id", "comments", ["parent_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_comments_post_id"), "comments", ["post_id"], unique=False)
    op.create_index(
        "ix_comments_post_id_created_at_id",
        "comments",
        ["post_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NULL"),
    )
    op.create_index(
        "ix_comments_post_id_like_count_created_at_id",
        "comments",
        ["post_id", "like_count", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NULL"),
    )
    op.create_index(op.f("ix_comments_user_id"), "comments", ["user_id"], unique=False)
    op.create_table(
        "likes",
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_likes_post_id_posts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_likes_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "user_id", name=op.f("pk_likes")),
    )
    op.create_index("ix_likes_created_at", "likes", ["created_at"], unique=False)
    op.create_index("ix_likes_post_id_created_at_user_id", "likes", ["post_id", "created_at", "user_id"], unique=False)
    op.create_index(op.f("ix_likes_user_id"), "likes", ["user_id"], unique=False)
    op.create_table(
        "post_hashtags",
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_post_hashtags_post_id_posts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "tag", name=op.f("pk_post_hashtags")),
    )
    op.create_index(
        "ix_post_hashtags_tag_created_at_post_id", "post_hashtags", ["tag", "created_at", "post_id"], unique=False
    )
    op.create_table(
        "post_mentions",
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_post_mentions_post_id_posts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_post_mentions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "user_id", name=op.f("pk_post_mentions")),
    )
    op.create_index(op.f("ix_post_mentions_user_id"), "post_mentions", ["user_id"], unique=False)
    op.create_table(
        "post_trends",
        sa.Column(
            "window",
            sa.Enum("HOUR", "DAY", "WEEK", name="trendwindow", native_enum=False, create_constraint=True, length=20),
            nullable=False,
        ),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_post_trends_post_id_posts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("window", "post_id", name=op.f("pk_post_trends")),
    )
    op.create_index(op.f("ix_post_trends_post_id"), "post_trends", ["post_id"], unique=False)
    op.create_table(
        "reposts",
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "fanout",
            sa.Enum("PUSH", "PULL", name="fanout", native_enum=False, create_constraint=True, length=20),
            server_default="PUSH",
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_reposts_post_id_posts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reposts_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "user_id", name=op.f("pk_reposts")),
    )
    op.create_index("ix_reposts_created_at", "reposts", ["created_at"], unique=False)
    op.create_index(
        "ix_reposts_user_id_created_at_post_id", "reposts", ["user_id", "created_at", "post_id"], unique=False
    )
    op.create_index(
        "ix_reposts_pulled",
        "reposts",
        ["user_id", "created_at", "post_id"],
        unique=False,
        postgresql_where=sa.text("fanout = 'PULL'"),
    )
    op.create_index(
        "ix_reposts_pulled_of_post",
        "reposts",
        ["post_id"],
        unique=False,
        postgresql_where=sa.text("fanout = 'PULL'"),
    )
    op.create_table(
        "comment_likes",
        sa.Column("comment_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_comment_likes_comment_id_comments"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_comment_likes_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comment_id", "user_id", name=op.f("pk_comment_likes")),
    )
    op.create_index(
        "ix_comment_likes_comment_id_created_at", "comment_likes", ["comment_id", "created_at"], unique=False
    )
    op.create_index(op.f("ix_comment_likes_user_id"), "comment_likes", ["user_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "SPAM",
                "ABUSE",
                "SPOILER",
                "COPYRIGHT",
                "OTHER",
                name="reportreason",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("post_id", sa.Uuid(), nullable=True),
        sa.Column("comment_id", sa.Uuid(), nullable=True),
        sa.Column("reported_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(post_id, comment_id, reported_user_id) = 1", name=op.f("ck_reports_one_target")
        ),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_reports_comment_id_comments"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_reports_post_id_posts"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["reported_user_id"], ["users.id"], name=op.f("fk_reports_reported_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["users.id"], name=op.f("fk_reports_reporter_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(op.f("ix_reports_comment_id"), "reports", ["comment_id"], unique=False)
    op.create_index("ix_reports_created_at_id", "reports", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_reports_post_id"), "reports", ["post_id"], unique=False)
    op.create_index(op.f("ix_reports_reported_user_id"), "reports", ["reported_user_id"], unique=False)
    op.create_index("uq_reports_comment", "reports", ["reporter_id", "comment_id"], unique=True)
    op.create_index("uq_reports_post", "reports", ["reporter_id", "post_id"], unique=True)
    op.create_index("uq_reports_user", "reports", ["reporter_id", "reported_user_id"], unique=True)
    op.create_index("ix_jobs_dead", "jobs", ["id"], unique=False, postgresql_where=sa.text("state = 'DEAD'"))
    op.create_table(
        "feed_epochs",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_feed_epochs_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_feed_epochs")),
    )
    for mine, theirs in (("follower_id", "followed_id"), ("followed_id", "follower_id")):
        op.create_index(f"ix_follows_{mine}_created_at_{theirs}", "follows", [mine, "created_at", theirs], unique=False)
        op.drop_index(f"ix_follows_{mine}_created_at", table_name="follows")
    op.create_index("ix_follows_followed_id_follower_id", "follows", ["followed_id", "follower_id"], unique=False)
    op.execute(NOTE_FOLLOWS)
    op.execute(ON_FOLLOWS)
    op.add_column("mutes", sa.Column("muted_post_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_mutes_muted_post_id"), "mutes", ["muted_post_id"], unique=False)
    op.create_index("uq_mutes_post", "mutes", ["user_id", "muted_post_id"], unique=True)
    op.create_foreign_key(
        op.f("fk_mutes_muted_post_id_posts"), "mutes", "posts", ["muted_post_id"], ["id"], ondelete="CASCADE"
    )
    op.add_column("users", sa.Column("post_count", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.drop_constraint(op.f("ck_users_counts"), "users")
    op.create_check_constraint(
        op.f("ck_users_counts"), "users", "follower_count >= 0 AND following_count >= 0 AND post_count >= 0"
    )
    op.drop_constraint(op.f("ck_mutes_one_target"), "mutes")
    op.create_check_constraint(
        op.f("ck_mutes_one_target"),
        "mutes",
        "num_nonnulls(muted_user_id, muted_book_id, muted_post_id, word) = 1",
    )


def downgrade() -> None:
    # A revision without posts has no word for a mute of one; what people wrote goes with its tables, which the command says.
    op.drop_index("ix_jobs_dead", "jobs")
    op.execute("DROP TRIGGER note_follows ON follows")
    op.execute("DROP FUNCTION note_follows()")
    op.drop_index("ix_follows_followed_id_follower_id", table_name="follows")
    for mine, theirs in (("follower_id", "followed_id"), ("followed_id", "follower_id")):
        op.create_index(f"ix_follows_{mine}_created_at", "follows", [mine, "created_at"], unique=False)
        op.drop_index(f"ix_follows_{mine}_created_at_{theirs}", table_name="follows")
    op.execute("DELETE FROM mutes WHERE muted_post_id IS NOT NULL")
    op.drop_constraint(op.f("ck_mutes_one_target"), "mutes")
    op.drop_column("mutes", "muted_post_id")
    op.create_check_constraint(
        op.f("ck_mutes_one_target"), "mutes", "num_nonnulls(muted_user_id, muted_book_id, word) = 1"
    )
    op.drop_constraint(op.f("ck_users_counts"), "users")
    op.drop_column("users", "post_count")
    op.create_check_constraint(op.f("ck_users_counts"), "users", "follower_count >= 0 AND following_count >= 0")
    for table in (
        *(
            "feed_epochs",
            "reports",
            "comment_likes",
            "reposts",
            "post_trends",
            "post_mentions",
            "post_hashtags",
            "likes",
        ),
        *("comments", "posts"),
    ):
        op.drop_table(table)
