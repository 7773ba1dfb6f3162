"""Comments: reading them, and writing to a thread."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from auth.viewer import Viewer
from models import Comment, CommentLike, Post
from repositories import visibility


@dataclass(frozen=True, slots=True)
class SeenComment:
    """A comment, and whether the viewer has read far enough for its words."""

    row: Comment
    is_revealed: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """What a comment stands on: the post."""

    book_id: UUID | None
    spoiler_until_location: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """A comment as a part of its thread."""

    id: UUID
    author_id: UUID | None
    is_deleted: bool
    children: int
    """Answers that have a row, deleted ones included."""


class CommentRepository:
    """Comments, as one session sees them. Whoever adds to a thread, or takes from it, has locked the post first."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # --- reading ---

    async def visible(self, viewer: Viewer, ids: Iterable[UUID]) -> Mapping[UUID, SeenComment]:
        """Read comments that the viewer may see, deleted ones that are kept for their replies included."""
        wanted = seen(viewer).where(Comment.id.in_(set(ids)), visibility.comments(viewer))
        rows = await self._session.execute(wanted.execution_options(populate_existing=True))
        return {row.id: SeenComment(row, is_revealed) for row, is_revealed in rows}

    async def ground(self, viewer: Viewer, post_id: UUID) -> Ground | None:
        """Read a post that is to be commented on; None for one that is not there for the viewer."""
        wanted = select(Post.book_id, Post.spoiler_until_location)
        row = (await self._session.execute(wanted.where(Post.id == post_id, visibility.posts(viewer)))).one_or_none()
        return Ground(*row) if row else None

    async def post_of(self, comment_id: UUID) -> tuple[UUID, UUID] | None:
        """Tell under which post a comment is, and whose that is; None when there is no comment."""
        wanted = select(Post.id, Post.user_id).join(Comment, Comment.post_id == Post.id)
        row = (await self._session.execute(wanted.where(Comment.id == comment_id))).one_or_none()
        return (row[0], row[1]) if row else None

    async def lineage(self, comment_id: UUID) -> Sequence[Link]:
        """Read a comment and what it answers, up to the top; empty when it is gone."""
        up = select(Comment.id, Comment.parent_id).where(Comment.id == comment_id).cte("up", recursive=True)
        above = aliased(Comment)
        up = up.union_all(select(above.id, above.parent_id).join(up, above.id == up.c.parent_id))
        child = aliased(Comment)
        children = select(func.count()).where(child.parent_id == Comment.id).correlate(Comment).scalar_subquery()
        columns = (Comment.id, Comment.user_id, Comment.deleted_at.is_not(None), children)
        wanted = select(*columns).join(up, up.c.id == Comment.id).order_by(Comment.depth.desc())
        return [Link(*row) for row in await self._session.execute(wanted)]

    # --- writing ---

    async def add(self, row: Comment) -> None:
        """Write a new comment."""
        self._session.add(row)
        await self._session.flush()

    async def rewrite(self, comment_id: UUID, text: str, words: str, edited_at: datetime) -> None:
        """Give a comment another text; it must be locked."""
        await self._update(Comment, comment_id, text=text, words=words, edited_at=edited_at)

    async def empty(self, comment_id: UUID, deleted_at: datetime) -> None:
        """Leave of a comment only its place in the thread; it must be locked."""
        await self._session.execute(delete(CommentLike).where(CommentLike.comment_id == comment_id))
        gone: dict[str, Any] = {"text": None, "words": "", "spoiler_until_location": None, "like_count": 0}
        await self._update(Comment, comment_id, deleted_at=deleted_at, **gone)

    async def remove(self, ids: Sequence[UUID]) -> None:
        """Delete comments that nothing answers, or only others of these."""
        await self._session.execute(delete(Comment).where(Comment.id.in_(ids)))

    async def move_replies(self, comment_id: UUID, by: int) -> None:
        """Move the number of answers to a comment; it must be locked."""
        await self._update(Comment, comment_id, reply_count=func.greatest(0, Comment.reply_count + by))

    async def move_comments(self, post_id: UUID, by: int) -> None:
        """Move the number of comments on a post; it must be locked."""
        await self._update(Post, post_id, comment_count=func.greatest(0, Post.comment_count + by))

    async def _update(self, model: type[Comment] | type[Post], key: UUID, **values: Any) -> None:
        changed = update(model).where(model.id == key).values(**values)
        await self._session.execute(changed.execution_options(synchronize_session=False))


def seen(viewer: Viewer) -> Select[Comment, bool]:
    """Select comments as `SeenComment` takes them; who may see them is for the caller to say."""
    return select(Comment, visibility.revealed_comments(viewer).label("is_revealed"))
