"""What the tables themselves refuse, whoever writes to them."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from runtime.container import Container
from tests.support.rows import nothing_written, sql
from tests.support.seeding import Seeder

REFUSED = {
    "INSERT INTO follows (follower_id, followed_id) VALUES (:one, :one)": "no_self_follow",
    "INSERT INTO follow_requests (follower_id, followed_id) VALUES (:one, :one)": "no_self_request",
    "INSERT INTO blocks (blocker_id, blocked_id) VALUES (:one, :one)": "no_self_block",
    "INSERT INTO follows (follower_id, followed_id) VALUES (:one, :other)": "pk_follows",
    "INSERT INTO likes (post_id, user_id) VALUES (:post, :other)": "pk_likes",
    "INSERT INTO reposts (post_id, user_id) VALUES (:post, :other)": "pk_reposts",
    "INSERT INTO comment_likes (comment_id, user_id) VALUES (:comment, :other)": "pk_comment_likes",
    "UPDATE users SET follower_count = -1": "ck_users_counts",
    "UPDATE users SET following_count = -1": "ck_users_counts",
    "UPDATE users SET post_count = -1": "ck_users_counts",
    "UPDATE posts SET like_count = -1": "ck_posts_counts",
    "UPDATE posts SET comment_count = -1": "ck_posts_counts",
    "UPDATE posts SET repost_count = -1": "ck_posts_counts",
    "UPDATE comments SET like_count = -1": "ck_comments_counts",
    "UPDATE comments SET reply_count = -1": "ck_comments_counts",
    "UPDATE users SET username = 'QUILL' WHERE id = :other": "uq_users_username_lower",
    "UPDATE users SET username = 'ab'": "ck_users_username_length",
    "UPDATE users SET bio = repeat('x', 501)": "ck_users_bio_length",
}


@pytest.mark.parametrize("statement", REFUSED)
async def test_a_table_refuses_what_no_code_may_write(container: Container, statement: str) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        one, other = await seeder.user("quill"), await seeder.user("marsh")
        await seeder.follow(one.id, other.id)
        post = await seeder.post(one.id)
        await seeder.like(post.id, other.id)
        await seeder.repost(post.id, other.id)
        comment = await seeder.comment(post.id, one.id)
        await seeder.like_comment(comment.id, other.id)
        known: dict[str, Any] = {"one": one.id, "other": other.id, "post": post.id, "comment": comment.id}
    async with nothing_written(container):
        with pytest.raises(IntegrityError, match=REFUSED[statement]):
            await sql(container, statement, **{name: key for name, key in known.items() if f":{name}" in statement})
