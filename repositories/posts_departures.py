"""What the end of an account does to the posts of others: counts fall, and comments go, or stay, empty, for their replies."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, exists, false, func, literal, select, true, union, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import Comment, CommentLike, Like, Post, Repost
from repositories.locks import among


class DepartureRepository:
    """The end of an account, as one session sees it. The account must be locked: nothing is added any more to what it did."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def touched_posts(self, user_id: UUID) -> Sequence[UUID]:
        """Name the posts that are the user's, and those they liked, commented on or passed on."""
        others = (select(kind.post_id).where(kind.user_id == user_id) for kind in (Like, Repost, Comment))
        return (await self._session.scalars(union(select(Post.id).where(Post.user_id == user_id), *others))).all()

    async def touched_comments(self, user_id: UUID) -> Sequence[UUID]:
        """Name the comments that are the user's, with all that they answer, and those the user likes; their posts must be locked."""
        up = select(Comment.id, Comment.parent_id).where(Comment.user_id == user_id).cte("up", recursive=True)
        above = aliased(Comment)
        up = up.union(select(above.id, above.parent_id).join(up, above.id == up.c.parent_id))
        liked = select(CommentLike.comment_id).where(CommentLike.user_id == user_id)
        return (await self._session.scalars(union(select(up.c.id), liked))).all()

    async def lower_posts(self, user_id: UUID) -> None:
        """Take what the user did off the counts of others' posts; they must be locked."""

        def took(kind: Any, *conditions: ColumnElement[bool]) -> Any:
            ones = (literal(int(kind is one)) for one in (Like, Comment, Repost))
            return select(kind.post_id, *ones).where(kind.user_id == user_id, *conditions)

        every = union_all(took(Like), took(Comment, Comment.deleted_at.is_(None)), took(Repost)).subquery()
        post_id, likes, comments, reposts = every.c
        sums = (
            func.sum(likes).label("likes"),
            func.sum(comments).label("comments"),
            func.sum(reposts).label("reposts"),
        )
        taken = select(post_id.label("id"), *sums).group_by(post_id).subquery()
        await self._execute(
            update(Post)
            .where(Post.id == taken.c.id, Post.user_id != user_id)
            .values(
                like_count=func.greatest(0, Post.like_count - taken.c.likes),
                comment_count=func.greatest(0, Post.comment_count - taken.c.comments),
                repost_count=func.greatest(0, Post.repost_count - taken.c.reposts),
            )
        )

    async def empty_comments(self, user_id: UUID, now: datetime) -> None:
        """Empty the user's comments, and take what the user did off the counts of others; all must be locked."""
        mine = Comment.user_id == user_id
        await self._execute(delete(CommentLike).where(CommentLike.comment_id == Comment.id, mine))
        every = union_all(
            select(Comment.id, literal(0), literal(0), true()).where(mine),
            select(Comment.parent_id, literal(1), literal(0), false()).where(
                mine, Comment.deleted_at.is_(None), Comment.parent_id.is_not(None)
            ),
            select(CommentLike.comment_id, literal(0), literal(1), false()).where(CommentLike.user_id == user_id),
        ).subquery()
        key, replies, likes, own = every.c
        sums = (func.sum(replies).label("replies"), func.sum(likes).label("likes"), func.bool_or(own).label("is_own"))
        taken = select(key.label("id"), *sums).group_by(key).subquery()

        def unless_own(emptied: Any, column: Any) -> Any:
            return case((taken.c.is_own, emptied), else_=column)

        # One statement, so that each row changes once.
        await self._execute(
            update(Comment)
            .where(Comment.id == taken.c.id)
            .values(
                reply_count=func.greatest(0, Comment.reply_count - taken.c.replies),
                like_count=unless_own(0, func.greatest(0, Comment.like_count - taken.c.likes)),
                deleted_at=unless_own(func.coalesce(Comment.deleted_at, now), Comment.deleted_at),
                text=unless_own(None, Comment.text),
                words=unless_own("", Comment.words),
                spoiler_until_location=unless_own(None, Comment.spoiler_until_location),
                user_id=unless_own(None, Comment.user_id),
            )
        )

    async def remove_empty(self, comment_ids: Sequence[UUID]) -> None:
        """Delete those of these comments that are empty and hold no reply, from the leaves up."""
        reply = aliased(Comment)
        bare = ~exists(select(reply.id)).where(reply.parent_id == Comment.id).correlate(Comment)
        leaves = delete(Comment).where(among(Comment.id, comment_ids), Comment.deleted_at.is_not(None), bare)
        while (await self._session.execute(leaves.returning(Comment.id))).all():
            pass

    async def _execute(self, statement: Any) -> None:
        await self._session.execute(statement.execution_options(synchronize_session=False))
