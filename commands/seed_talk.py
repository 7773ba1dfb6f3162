"""Let the demo readers talk: posts, comments, likes and reposts, through the same services as everybody's."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from auth.viewer import Viewer
from commands.demo_data import BOOKS
from commands.demo_talk import POSTS, DemoComment, DemoPost
from core import clock
from core.ids import global_id
from models import Book, Comment, Highlight, Like, Post, PostHashtag, Repost
from runtime.container import Services
from services.posts import PostDraft
from services.posts_comments import CommentDraft

ANSWERS_AFTER = timedelta(minutes=20)


class Talk:
    """What the demo readers say, in one transaction."""

    def __init__(self, session: AsyncSession, services: Services, ids: Mapping[str, UUID]) -> None:
        self._session = session
        self._services = services
        self._viewers = {name: Viewer(user_id=user_id) for name, user_id in ids.items()}

    async def write(self) -> None:
        """Write all of it, oldest first."""
        for post in POSTS:
            await self._post(post)

    async def _post(self, post: DemoPost) -> None:
        author = self._viewers[post.author]
        book = BOOKS[post.book] if post.book else None
        book_id = await self._session.scalar(select(Book.id).where(Book.title == book.title)) if book else None
        mark_id = None
        if post.quotes is not None:
            marks = select(Highlight.id).where(
                Highlight.user_id == author.user_id,
                Highlight.book_id == book_id,
                Highlight.location_start == post.quotes,
            )
            mark_id = await self._session.scalar(marks)
        draft = PostDraft(
            text=post.text,
            highlight_id=global_id("Highlight", mark_id) if mark_id else None,
            book_id=global_id("Book", book_id) if book_id else None,
            visibility=post.visibility,
            spoiler_until_location=post.spoiler_until,
        )
        row = (await self._services.posts.create(author, draft, None)).post
        at = clock.now() - timedelta(hours=post.hours_ago)
        await self._date(row.id, at)
        public_id = global_id("Post", row.id)
        for name in post.liked_by:
            await self._services.likes.like(self._viewers[name], public_id, None)
        for name in post.reposted_by:
            await self._services.reposts.repost(self._viewers[name], public_id, None)
        for comment in post.comments:
            await self._comment(public_id, None, comment, at + ANSWERS_AFTER)
        for model in (Like, Repost):
            await self._session.execute(
                update(model).where(model.post_id == row.id).values(created_at=at + ANSWERS_AFTER)
            )

    async def _comment(self, post_id: str, parent_id: str | None, comment: DemoComment, at: datetime) -> None:
        draft = CommentDraft(post_id, parent_id, comment.text, comment.spoiler_until)
        made = await self._services.comments.add(self._viewers[comment.author], draft, None)
        await self._session.execute(update(Comment).where(Comment.id == made.comment_id).values(created_at=at))
        for reply in comment.replies:
            await self._comment(post_id, global_id("Comment", made.comment_id), reply, at + ANSWERS_AFTER)

    async def _date(self, post_id: UUID, at: datetime) -> None:
        await self._session.execute(update(Post).where(Post.id == post_id).values(created_at=at))
        await self._session.execute(update(PostHashtag).where(PostHashtag.post_id == post_id).values(created_at=at))
